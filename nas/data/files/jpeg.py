"""What the segments of a JPEG say before its pixels are decoded, and whether its data are as many as it says."""

from collections.abc import Iterator
from dataclasses import dataclass

from nas.data.files.orientation import UPRIGHT, orientation_of

MAGIC = b"\xff\xd8"
APP1 = 0xE1
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of the segments that tell the picture's size."""

_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_RESTARTS = range(0xD0, 0xD8)
_EXIF = b"Exif\0\0"
_MORE_DATA = b"\x55\xaa\x2b\x11\x96\x4d\x35\x8b" * 8
"""Bytes that no decoder takes for a flat image, put where a scan's data end."""


@dataclass(frozen=True)
class JpegHeader:
    """Size in pixels as stored, channels, bits a channel, and the orientation that Exif tells."""

    width: int
    height: int
    channels: int
    bits: int
    orientation: int


def segments(jpeg: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield marker and content of each segment before the picture's data; a segment cut by the file's end is short."""
    for marker, start, stop in _places(jpeg):
        if marker in (_START_OF_SCAN, _END_OF_IMAGE):
            return
        yield marker, jpeg[start:stop]


def jpeg_header(jpeg: bytes) -> JpegHeader | None:
    """Return what a JPEG file says of itself; None where it ends before its picture's data or has no size."""
    frame, orientation = None, UPRIGHT
    for marker, start, stop in _places(jpeg):
        if marker == _START_OF_SCAN:
            break
        if stop > len(jpeg):
            return None
        if marker in FRAMES and stop - start >= 6 and frame is None:
            frame = jpeg[start : start + 6]
        if marker == APP1 and jpeg.startswith(_EXIF, start):
            orientation = orientation_of(jpeg[start + len(_EXIF) : stop])
    else:
        return None
    if frame is None:
        return None
    height, width = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    return JpegHeader(width, height, frame[5], frame[0], orientation)


def with_more_data(jpeg: bytes) -> bytes:
    """Return the file with bytes added to the end of each scan.

    A decoder that had all the data of its rows never looks at them: it gives the same pixels. One that ran out of data,
    and fills what is missing with gray, decodes them instead.
    """
    parts, done, scan, restart = list[bytes](), 0, False, 0
    position = 2
    while position + 1 < len(jpeg):
        position = jpeg.find(b"\xff", position) if scan else position
        if position < 0 or position + 1 >= len(jpeg):
            break
        marker = jpeg[position + 1]
        if scan and marker in (0, 0xFF, *_RESTARTS):  # a byte of the data; filling; a restart within them
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
    """Yield marker, start and stop of the content of each segment, up to that which starts the picture's data."""
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
