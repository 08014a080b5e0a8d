"""The chunks of a PNG, read before its pixels are decoded."""

import struct
from dataclasses import dataclass

from nas.data.files.orientation import UPRIGHT, orientation_of

MAGIC = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}


@dataclass(frozen=True)
class PngHeader:
    """The header of a PNG: size in pixels, channels, bits of a channel, orientation of eXIf, frames of an animation."""

    width: int
    height: int
    channels: int
    bits: int
    orientation: int
    frames: int


def png_header(png: bytes) -> PngHeader | None:
    """Return the header of a PNG file; None if a chunk is longer than the file, or the last chunk is missing.

    The check is needed because libpng takes the memory for a chunk before it notices that the file is shorter.
    """
    first, orientation, frames = b"", UPRIGHT, 1
    position = len(MAGIC)
    while position + 12 <= len(png):
        length, kind = struct.unpack_from(">I4s", png, position)
        start, stop = position + 8, position + 8 + length
        if stop + 4 > len(png):
            return None
        if kind == b"IHDR" and length == 13:
            first = png[start:stop]
        elif kind == b"eXIf":
            orientation = orientation_of(png[start:stop])
        elif kind == b"acTL" and length == 8:
            (frames,) = struct.unpack_from(">I", png, start)
        elif kind == b"IEND":
            return _header(first, orientation, frames)
        position = stop + 4
    return None


def _header(first: bytes, orientation: int, frames: int) -> PngHeader | None:
    if not first:
        return None
    width, height, bits, kind = struct.unpack_from(">IIBB", first)
    return PngHeader(width, height, _CHANNELS.get(kind, 4), bits, orientation, frames)
