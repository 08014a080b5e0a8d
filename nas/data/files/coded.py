"""PNG, JPEG and BMP files, decoded by OpenCV after a check of the header."""

import struct
from pathlib import Path
from typing import NamedTuple

import cv2
import imagecodecs
import numpy as np

from nas.data.files import jpeg, png
from nas.data.files.limits import check_size
from nas.data.files.orientation import UPRIGHT, upright
from nas.data.files.unreadable import DAMAGED, Pixels, UnreadableImageError
from nas.data.radiometric import RadiometricError, sensor_counts

_BMP = b"BM"
_FILLED, _NEAR = 128, 40
"""The gray with which a JPEG decoder fills missing rows, and the largest difference of such rows from it."""

# OpenCV's own messages don't name the file; the error raised here does.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


class Picture(NamedTuple):
    """A decoded picture, [H, W] or [H, W, channels] with colours as B, G, R; and whether it holds a sensor's counts."""

    values: Pixels
    is_radiometric: bool = False


def is_coded(start: bytes) -> bool:
    """Tell from its first bytes whether a file is a PNG, JPEG or BMP."""
    return start.startswith((png.MAGIC, jpeg.MAGIC, _BMP))


def check_coded(path: Path, data: bytes) -> int:
    """Check the header of a file and return its orientation, without decoding. Raises UnreadableImageError."""
    if data.startswith(jpeg.MAGIC):
        found = jpeg.jpeg_header(data)
        if found is None:
            raise UnreadableImageError(path, DAMAGED)
        check_size(path, found.width, found.height, found.channels, 1, len(data))
        return found.orientation
    if data.startswith(png.MAGIC):
        return _check_png(path, data)
    return _check_bmp(path, data)


def _check_png(path: Path, data: bytes) -> int:
    found = png.png_header(data)
    if found is None:
        raise UnreadableImageError(path, DAMAGED)
    check_size(path, found.width, found.height, found.channels, 2 if found.bits == 16 else 1, len(data))
    if found.frames > 1:
        raise UnreadableImageError(path, f"is an animation of {found.frames} frames; write them as files or as a TIFF")
    return found.orientation


def _check_bmp(path: Path, data: bytes) -> int:
    try:
        (size,) = struct.unpack_from("<I", data, 14)
        width, height = struct.unpack_from("<HH" if size == 12 else "<ii", data, 18)
        (bits,) = struct.unpack_from("<H", data, 24 if size == 12 else 28)
    except struct.error:
        raise UnreadableImageError(path, DAMAGED) from None
    check_size(path, width, abs(height), 1 if bits <= 8 else 3, 1, len(data))
    return UPRIGHT


def decode_coded(path: Path, data: bytes) -> Picture:
    """Decode a PNG, JPEG or BMP, turned as a viewer shows it. From a radiometric JPEG the sensor's counts are read.

    Raises UnreadableImageError for a file that is damaged, or that would need more memory than the limit.
    """
    counts = _counts(path, data) if data.startswith(jpeg.MAGIC) else None
    if counts is not None:
        found = jpeg.jpeg_header(data)
        return Picture(upright(counts, found.orientation if found else UPRIGHT), is_radiometric=True)
    orientation = check_coded(path, data)
    decoded = _decode(data)
    if decoded is None or decoded.dtype.name not in ("uint8", "uint16"):
        raise UnreadableImageError(path, DAMAGED)
    if data.startswith(jpeg.MAGIC) and _lacks_rows(data, decoded):
        raise UnreadableImageError(path, "is truncated: it has fewer rows than its header says")
    return Picture(upright(decoded, orientation))


def _counts(path: Path, data: bytes) -> Pixels | None:
    try:
        return sensor_counts(data)
    except RadiometricError as error:
        raise UnreadableImageError(path, str(error)) from None


def _decode(data: bytes) -> Pixels | None:
    # `imdecode` refuses a truncated file. `imread` silently fills the missing part of a JPEG with gray (OpenCV 5.0).
    try:
        decoded: Pixels | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    return decoded


def _lacks_rows(data: bytes, decoded: Pixels) -> bool:
    """Tell whether the decoder filled the last pixels. They may also have just that gray."""
    if (np.abs(decoded[-1, -8:].astype(int) - _FILLED) > _NEAR).any():
        return False
    # OpenCV is not used, because it prints libjpeg's warning about the added bytes.
    try:
        before = imagecodecs.jpeg8_decode(data)
    except imagecodecs.Jpeg8Error:
        return False  # only OpenCV reads this kind of JPEG
    try:
        return not np.array_equal(before, imagecodecs.jpeg8_decode(jpeg.with_more_data(data)))
    except imagecodecs.Jpeg8Error:
        return True
