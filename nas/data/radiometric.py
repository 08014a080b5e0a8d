"""Sensor counts in radiometric JPEGs: the 16-bit image that cameras of FLIR and DJI put into segments of the file.

Such a file shows an 8-bit picture for the eye, often in false colours and with text. The counts of the sensor lie
beside it. ExifTool documents the layouts: https://exiftool.org/TagNames/FLIR.html, its page on DJI, and topics 4898,
6763 and 11401 of its forum. No package can be used: flyr is under the EUPL, and DJI's SDK is closed.
"""

import struct
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from nas.data.files.jpeg import APP1, FRAMES, segments
from nas.data.files.png import png_header

_Counts = np.ndarray[Any, np.dtype[np.uint16]]

_APP3, _APP4 = 0xE3, 0xE4

_FLIR, _FLIR_HEADER = b"FLIR\0", 8
_FFF, _FFF_ENTRY, _RAW_DATA, _RAW_HEADER = b"FFF\0", 32, 1, 32
_PNG = b"\x89PNG"


class RadiometricError(ValueError):
    """The sensor counts of a JPEG can't be read. The message is the reason, without the name of the file."""


def sensor_counts(jpeg: bytes) -> _Counts | None:
    """Return the counts in a JPEG file, [H, W], or None if it has none. Their size is often not that of the picture.

    Raises RadiometricError for counts that are damaged or have an unknown layout, never for a damaged picture.
    """
    found = list(segments(jpeg))
    flir = [content for marker, content in found if marker == APP1 and content.startswith(_FLIR)]
    if flir:
        return _flir_counts(_joined(flir))
    if any(marker == APP1 and content.startswith(b"Exif") and b"DJI\0" in content for marker, content in found):
        return _dji_counts(found)
    return None


def _joined(segments: Sequence[bytes]) -> bytes:
    """Join FLIR's segments. Byte 6 of a segment is its number, and byte 7 the number of the last segment."""
    ordered = sorted(segments, key=lambda segment: segment[6:7])
    if [segment[6:8] for segment in ordered] != [bytes([number, len(ordered) - 1]) for number in range(len(ordered))]:
        raise RadiometricError(f"has {len(ordered)} segments of FLIR data that don't belong together")
    return b"".join(segment[_FLIR_HEADER:] for segment in ordered)


def _flir_counts(data: bytes) -> _Counts | None:
    """Return the raw image of FLIR's container; None if the container has only a visible photograph."""
    if not data.startswith(_FFF):
        raise RadiometricError("has FLIR data of an unknown form")
    try:
        order = _order(data, "I", 20, 100, 199)
        start, count = struct.unpack_from(f"{order}II", data, 24)
        for entry in range(start, min(start + count * _FFF_ENTRY, len(data)), _FFF_ENTRY):
            kind, _, _, _, offset, length = struct.unpack_from(f"{order}HHIIII", data, entry)
            if kind == _RAW_DATA:
                return _raw_image(data[offset : offset + length])
    except struct.error:
        raise RadiometricError("has truncated FLIR data") from None
    return None


def _order(data: bytes, form: str, offset: int, least: int, most: int) -> str:
    """Return the byte order, `>` or `<`, in which a number lies in the expected range."""
    for order in "><":
        if least <= struct.unpack_from(order + form, data, offset)[0] <= most:
            return order
    raise RadiometricError("has FLIR data of an unknown version")


def _raw_image(record: bytes) -> _Counts:
    """Read a raw image: a header with the size, then little-endian counts or a PNG file."""
    order = _order(record, "H", 0, 2, 2)
    width, height = struct.unpack_from(f"{order}HH", record, 2)
    content = record[_RAW_HEADER:]
    if not content.startswith(_PNG):
        return _image(content, height, width)
    header = png_header(content)  # checked before memory is taken
    if header is None or (header.height, header.width) != (height, width):
        raise RadiometricError("has a damaged raw image of FLIR")
    try:
        counts = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        counts = None
    if counts is None or counts.dtype != np.uint16 or counts.shape != (height, width):
        raise RadiometricError("has a damaged raw image of FLIR")
    return _in_order(counts)


def _in_order(counts: _Counts) -> _Counts:
    """Swap the bytes of each count if that makes neighbours more similar.

    A PNG has high bytes first, but most of FLIR's cameras write them last, and nothing in the file tells which.
    """
    swapped = counts.byteswap()
    return counts if _roughness(counts) < _roughness(swapped) else swapped


def _roughness(counts: _Counts) -> float:
    return float(np.abs(np.diff(counts.astype(np.int32), axis=1)).sum())


def _dji_counts(segments: Sequence[tuple[int, bytes]]) -> _Counts | None:
    """Read the counts of DJI's own cameras, which lie in APP3 or APP4 (Zenmuse XT S) without a header.

    Their size is that of the picture, or half of it if the camera enlarges its pictures (Matrice 30T).
    """
    if all(marker != _APP3 for marker, _ in segments):
        return None
    frame = next((content for marker, content in segments if marker in FRAMES and len(content) >= 5), None)
    if frame is None:
        raise RadiometricError("is a truncated radiometric JPEG")
    height, width = struct.unpack_from(">HH", frame, 1)
    parts = [b"".join(content for marker, content in segments if marker == part) for part in (_APP3, _APP4)]
    for content in parts:
        for size in ((height, width), (height // 2, width // 2)):
            if len(content) == 2 * size[0] * size[1] > 0:
                return _image(content, *size)
    raise RadiometricError(
        f"has {max(map(len, parts))} bytes of DJI's thermal data, which fit neither its {width} x {height} pixels nor "
        "half as many a side"
    )


def _image(content: bytes, height: int, width: int) -> _Counts:
    if len(content) != 2 * height * width or not content:
        raise RadiometricError(f"has {len(content)} bytes of counts, but {width} x {height} pixels need two each")
    return np.frombuffer(content, "<u2").astype(np.uint16).reshape(height, width)
