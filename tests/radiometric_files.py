"""Radiometric JPEGs as FLIR and DJI cameras write them, made of counts and a picture."""

import struct

import cv2
import numpy as np

Counts = np.ndarray


def picture(height: int, width: int) -> bytes:
    """Return an ordinary JPEG that shows none of the counts."""
    ramp = np.tile(np.arange(width, dtype=np.uint8), (height, 1))
    return bytes(cv2.imencode(".jpg", ramp)[1])


def with_segments(jpeg: bytes, *segments: tuple[int, bytes]) -> bytes:
    """Insert application segments, given as (number, content), after the start of a JPEG."""
    written = b"".join(bytes([0xFF, 0xE0 + number]) + struct.pack(">H", len(s) + 2) + s for number, s in segments)
    return jpeg[:2] + written + jpeg[2:]


def fff(record: bytes, kind: int = 1, order: str = ">") -> bytes:
    """Return FLIR's container with an empty record and then the given record."""
    header = b"FFF\0" + b"CAMERA".ljust(16, b"\0") + struct.pack(f"{order}III", 101, 64, 2)
    entry = struct.pack(f"{order}HHIIII", kind, 2, 100, 1, 128, len(record)).ljust(32, b"\0")
    return header.ljust(64, b"\0") + bytes(32) + entry + record


def flir_record(counts: Counts, content: bytes | None = None, order: str = "<") -> bytes:
    """Return FLIR's raw image: its size, then `content` or else the counts as little-endian integers."""
    height, width = counts.shape
    header = struct.pack(f"{order}HHH", 2, width, height).ljust(32, b"\0")
    return header + (counts.astype("<u2").tobytes() if content is None else content)


def png(counts: Counts, *, swapped: bool) -> bytes:
    """Return counts as a PNG file; `swapped` is the byte order of most FLIR cameras."""
    return bytes(cv2.imencode(".png", counts.byteswap() if swapped else counts)[1])


def flir_jpeg(data: bytes, jpeg: bytes | None = None, length: int = 4000) -> bytes:
    """Return a JPEG with FLIR's container in segments of `length` bytes.

    The last segment comes first; their numbers give the order.
    """
    pieces = [data[start : start + length] for start in range(0, len(data), length)]
    heads = [b"FLIR\0\1" + bytes([number, len(pieces) - 1]) for number in range(len(pieces))]
    segments = [(1, head + piece) for head, piece in zip(heads, pieces, strict=True)]
    return with_segments(jpeg or picture(48, 64), *reversed(segments))


def dji_jpeg(counts: Counts, picture_size: tuple[int, int] | None = None, number: int = 3) -> bytes:
    """Return a JPEG of DJI with the counts in the segments APP`number`, beside its Exif and calibration data."""
    data = counts.astype("<u2").tobytes()
    raw = [(number, data[start : start + 5000]) for start in range(0, len(data), 5000)]
    other = [(3, bytes(100)), *raw] if number == 4 else [*raw, (4, b"\xaaU\x12\x06" + bytes(100))]
    return with_segments(picture(*(picture_size or counts.shape)), (1, EXIF), *other, (5, bytes(64)))


EXIF = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<HHHI4sI", 1, 0x010F, 2, 4, b"DJI\0", 0)
"""Exif with one entry, the name of the maker."""
