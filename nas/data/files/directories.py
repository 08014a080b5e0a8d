"""The chain of directories of a TIFF, one for each page. It is checked before pages are read: a break hides pages."""

import struct
from pathlib import Path

from nas.data.files.unreadable import DAMAGED, UnreadableImageError

MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""The first bytes of TIFF and BigTIFF files of both byte orders."""


def check_directories(path: Path) -> None:
    """Raise UnreadableImageError for a chain that leaves the file, runs in a circle or has no directory."""
    size = path.stat().st_size
    with path.open("rb") as file:
        header = file.read(16)
        order = "<" if header[:1] == b"I" else ">"
        is_big = header[:4] in (b"II+\0", b"MM\0+")
        offset_form, count_form, entry = ("Q", "Q", 20) if is_big else ("I", "H", 12)
        offset_bytes, count_bytes = struct.calcsize(offset_form), struct.calcsize(count_form)
        seen = set[int]()
        try:
            (offset,) = struct.unpack_from(order + offset_form, header, 8 if is_big else 4)
            while offset:
                if offset in seen or offset >= size:
                    raise UnreadableImageError(path, DAMAGED)
                seen.add(offset)
                file.seek(offset)
                (count,) = struct.unpack(order + count_form, file.read(count_bytes))
                if offset + count_bytes + count * entry + offset_bytes > size:
                    raise UnreadableImageError(path, DAMAGED)
                file.seek(count * entry, 1)
                (offset,) = struct.unpack(order + offset_form, file.read(offset_bytes))
        except struct.error:
            raise UnreadableImageError(path, DAMAGED) from None
    if not seen:
        raise UnreadableImageError(path, DAMAGED)
