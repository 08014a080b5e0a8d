"""The orientation in TIFF and Exif data, numbers 1 to 8, and turning images by it."""

import struct

import numpy as np

from nas.data.files.unreadable import Pixels

TAG = 274
UPRIGHT = 1


def orientation_of(exif: bytes) -> int:
    """Return the orientation in Exif data (a TIFF header and its first directory); 1 if there is none.

    Damaged Exif data is no error: the image counts as upright.
    """
    exif = exif.removeprefix(b"Exif\0\0")  # always in JPEG, and in some PNG files
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return UPRIGHT
    try:
        (start,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, length, value = struct.unpack_from(f"{order}HHIH", exif, entry)
            if (tag, kind, length) == (TAG, 3, 1):
                return int(value)
    except struct.error:
        pass
    return UPRIGHT


def upright(values: Pixels, orientation: int) -> Pixels:
    """Turn [H, W, ...] as a viewer shows it. An unknown orientation changes nothing."""
    if orientation in (5, 6, 7, 8):  # stored by columns
        values = values.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return np.ascontiguousarray(values)
