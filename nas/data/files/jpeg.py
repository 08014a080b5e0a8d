"""The segments of a JPEG, read before its pixels are decoded, and a test for missing data."""

from collections.abc import Iterator
from dataclasses import dataclass

from nas.data.files.orientation import UPRIGHT, orientation_of

MAGIC = b"\xff\xd8"
APP1 = 0xE1
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of the segments with the size of the picture."""

_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_RESTARTS = range(0xD0, 0xD8)
_EXIF = b"Exif\0\0"
_MORE_DATA = b"\x55\xaa\x2b\x11\x96\x4d\x35\x8b" * 8
"""Bytes that no decoder decodes to a flat image. They are added at the end of a scan."""


@dataclass(frozen=True)
class JpegHeader:
    """The header of a JPEG: size in stored pixels, channels, bits of a channel, and the orientation of Exif."""

    width: int
    height: int
    channels: int
    bits: int
    orientation: int


def segments(jpeg: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield marker and content of each segment before the picture's data. The last segment of a cut file is short."""
    for marker, start, stop in _places(jpeg):
        if marker in (_START_OF_SCAN, _END_OF_IMAGE):
            return
        yield marker, jpeg[start:stop]


def jpeg_header(jpeg: bytes) -> JpegHeader | None:
    """Return the header of a JPEG file; None if the file ends before the picture's data, or has no size."""
    frame, orientation = None, UPRIGHT
    for marker, start, stop in _places(jpeg):
        if marker == _START_OF_SCAN:
            break
        if stop > len(jpeg):
            return None
        if marker in FRAMES and stop - start >= 6 and frame is None:
            frame = jpeg[start : start + 6]
        if marker == APP1 and jpeg.startswith(_EXIF, start):
            orientation = orientation_of(jpeg[start:stop])
    else:
        return None
    if frame is None:
        return None
    height, width = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    return JpegHeader(width, height, frame[5], frame[0], orientation)


def with_more_data(jpeg: bytes) -> bytes:
    """Return the file with bytes added at the end of each scan.

    If a scan has the data of all rows, a decoder ignores the bytes and returns the same pixels. If data is missing, a
    decoder would fill the missing rows with gray, but decodes the bytes instead.
    """
    parts, done, scan, restart = list[bytes](), 0, False, 0
    position = 2
    while position + 1 < len(jpeg):
        position = jpeg.find(b"\xff", position) if scan else position
        if position < 0 or position + 1 >= len(jpeg):
            break
        marker = jpeg[position + 1]
        if scan and marker in (0, 0xFF, *_RESTARTS):  # in a scan: a data byte 0xFF, a fill byte, or a restart
            restart = marker - 0xD0 + 1 if marker in _RESTARTS else restart
            position += 1 if marker == 0xFF else 2
            continue
        if scan:
            parts += [jpeg[done:position], _MORE_DATA, bytes([0xFF, 0xD0 + restart % 8]), _MORE_DATA]
            done, scan = position, False
        if jpeg[position] != 0xFF or marker == _END_OF_IMAGE:
            break
        if marker == 0xFF:
            position += 1
            continue
        scan, restart = marker == _START_OF_SCAN, 0
        position += 2 + int.from_bytes(jpeg[position + 2 : position + 4], "big")
    return b"".join([*parts, jpeg[done:]])


def _places(jpeg: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and stop of the content of each segment, up to the segment before the picture's data."""
    position = 2
    while position + 4 <= len(jpeg) and jpeg[position] == 0xFF:
        marker = jpeg[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        length = int.from_bytes(jpeg[position + 2 : position + 4], "big")
        if marker != _END_OF_IMAGE and length < 2:
            return
        yield marker, position + 4, position + 2 + length
        if marker in (_START_OF_SCAN, _END_OF_IMAGE):
            return
        position += 2 + length
