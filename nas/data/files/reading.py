"""Reading files of all kinds: the places of their frames, and the values of a frame."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from nas.data.files.arrays import npy_frames, raw_frames
from nas.data.files.coded import decode_coded, is_coded
from nas.data.files.counts import as_counts, is_scaled
from nas.data.files.directories import MAGICS
from nas.data.files.limits import check_file
from nas.data.files.meaning import Meaning
from nas.data.files.tiff import Place, tiff_frame, tiff_places
from nas.data.files.unreadable import DAMAGED, Pixels, UnreadableImageError

_ARRAYS = {".npy": npy_frames, ".raw": raw_frames}


class Contents(NamedTuple):
    """A frame: uint8 or uint16 [H, W], or [H, W, channels] with colours as B, G, R."""

    values: Pixels
    stored: np.dtype[np.generic]
    """The type of the values in the file."""
    is_radiometric: bool = False


def places(path: Path, meaning: Meaning) -> tuple[Place, ...]:
    """Return the places of the frames of a file. Only its header is read. Raises UnreadableImageError."""
    try:
        frames = _ARRAYS.get(path.suffix.lower())
        if frames is not None:
            values = frames(path, meaning)
            return tuple(Place(plane=number, is_scaled=is_scaled(values.dtype)) for number in range(len(values)))
        if _start(path).startswith(MAGICS):
            return tiff_places(path, meaning)
        return (Place(),)
    except OSError as error:
        raise _cant_be_read(path, error) from None


def contents(path: Path, place: Place, meaning: Meaning) -> Contents:
    """Read a frame of a file as counts. Raises UnreadableImageError."""
    try:
        frames = _ARRAYS.get(path.suffix.lower())
        if frames is not None:
            values = np.array(frames(path, meaning)[place.plane])
            return Contents(as_counts(path, values, meaning.counts), values.dtype)
        if _start(path).startswith(MAGICS):
            values = tiff_frame(path, place, meaning)
            return Contents(as_counts(path, values, meaning.counts), values.dtype)
        decoded, is_radiometric = decode_coded(path, path.read_bytes())
        return Contents(decoded, decoded.dtype, is_radiometric)
    except OSError as error:
        raise _cant_be_read(path, error) from None


def _start(path: Path) -> bytes:
    """Return the first bytes of a file that is a TIFF or a coded picture. Raises UnreadableImageError for others."""
    with path.open("rb") as file:
        start = file.read(8)
    check_file(path, path.stat().st_size)
    if not start:
        raise UnreadableImageError(path, "is empty")
    if not is_coded(start) and not start.startswith(MAGICS):
        raise UnreadableImageError(path, DAMAGED)
    return start


def _cant_be_read(path: Path, error: OSError) -> UnreadableImageError:
    return UnreadableImageError(path, f"can't be read ({error.strerror or error})")
