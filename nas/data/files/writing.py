"""Writing image files, whole or not at all, with all frames and in the type of the values."""

import io
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from PIL import Image

from nas.data.files.metadata import NOTHING, Metadata
from nas.data.files.unreadable import Pixels
from nas.errors import InputError
from nas.files import replacing

WRITTEN = (".bmp", ".jpeg", ".jpg", ".npy", ".png", ".tif", ".tiff")
"""Endings of the files that can be written, in lower case."""

_EIGHT_BIT_ALONE = (".bmp", ".jpeg", ".jpg")
_ANYTHING = (".npy", ".tif", ".tiff")
_DESCRIBED = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
"""Formats that hold metadata besides TIFF, by their ending."""

_QUALITY = 95
"""The quality of JPEG files, OpenCV's default."""

_LARGEST_TIFF = 3 << 30
"""Larger pixel data, in bytes, is written as BigTIFF: a TIFF with offsets of 32 bits ends at 4 GiB with headers."""


def check_target(path: Path, count: int, dtype: np.dtype[Any]) -> None:
    """Raise InputError if a file with this name can't hold `count` frames with values of this type."""
    suffix = path.suffix.lower()
    if suffix == ".raw":
        raise InputError(f"{path}: a headerless file doesn't contain its size; write .tif or .npy.")
    if suffix not in WRITTEN:
        raise InputError(f"{path}: images are written as {', '.join(WRITTEN)}, but got {suffix!r}.")
    if suffix in _ANYTHING:
        return
    if dtype.name not in ("uint8", "uint16"):
        raise InputError(f"{path}: {suffix} can't hold {dtype.name} values; use {', '.join(_ANYTHING)}.")
    if dtype.name == "uint16" and suffix in _EIGHT_BIT_ALONE:
        raise InputError(f"{path}: {suffix} can't hold 16 bits; use .png, {', '.join(_ANYTHING)}.")
    if count > 1:
        raise InputError(f"{path}: {suffix} can't hold {count} frames; use {', '.join(_ANYTHING)}.")


def write_frames(
    path: Path, frames: Iterable[Pixels], count: int = 1, metadata: Callable[[int], Metadata] | None = None
) -> None:
    """Write `count` frames, each [H, W]. Only one frame is in memory at a time.

    `metadata` returns the metadata of the frame with a number from 0; TIFF, PNG and JPEG files hold it. The file
    appears when all frames are written, and not at all if a frame fails. Raises InputError as `check_target` does, and
    for an image that is too large for the format; RunError if the file can't be written.
    """
    waiting = iter(frames)
    first = next(waiting)
    check_target(path, count, first.dtype)
    writer = {".npy": _write_npy, ".tif": _write_tiff, ".tiff": _write_tiff}.get(path.suffix.lower(), _write_coded)
    with replacing(path) as temporary:
        writer(path, temporary, chain([first], waiting), (count, *first.shape), metadata or _none)


_Described = Callable[[int], Metadata]
_Shape = tuple[int, int, int]


def _none(_: int) -> Metadata:
    return NOTHING


def _write_tiff(path: Path, temporary: Path, frames: Iterator[Pixels], shape: _Shape, described: _Described) -> None:
    first = next(frames)
    with tifffile.TiffWriter(temporary, bigtiff=shape[0] * first.nbytes > _LARGEST_TIFF) as file:
        for number, frame in enumerate(chain([first], frames)):
            options = described(number).tiff_options()
            # The predictor makes files of integers smaller, but not those of floats.
            options |= {"compression": "lzw", "predictor": frame.dtype.kind != "f"}
            file.write(frame, photometric="minisblack", metadata=None, **options)


def _write_npy(path: Path, temporary: Path, frames: Iterator[Pixels], shape: _Shape, _: _Described) -> None:
    first = next(frames)
    described = {"shape": shape if shape[0] > 1 else shape[1:], "fortran_order": False, "descr": first.dtype.str}
    with temporary.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, described)
        for frame in chain([first], frames):
            if (frame.shape, frame.dtype) != (first.shape, first.dtype):
                raise InputError(f"{path}: .npy can't hold frames of different sizes or types; use .tif.")
            file.write(np.ascontiguousarray(frame).tobytes())


def _write_coded(path: Path, temporary: Path, frames: Iterator[Pixels], shape: _Shape, described: _Described) -> None:
    frame, metadata, suffix = next(frames), described(0), path.suffix.lower()
    encode = _with_metadata if metadata != NOTHING and suffix in _DESCRIBED else _encoded
    encoded = encode(suffix, frame, metadata)
    if encoded is None:
        raise InputError(f"{path}: {path.suffix} can't hold {shape[2]} x {shape[1]} pixels; use .tif.")
    temporary.write_bytes(encoded)


def _encoded(suffix: str, frame: Pixels, _: Metadata) -> bytes | None:
    """Return a file; None if the format can't hold the frame."""
    try:
        done, encoded = cv2.imencode(suffix, frame)
    except cv2.error:
        return None
    return bytes(encoded) if done else None


def _with_metadata(suffix: str, frame: Pixels, metadata: Metadata) -> bytes | None:
    """Return a PNG or a JPEG with the same pixels as `_encoded`, and with metadata."""
    block = metadata.exif_block(frame.shape[1], frame.shape[0])
    options: dict[str, Any] = {"exif": block.tobytes()} if len(block) else {}
    if metadata.per_inch:
        options["dpi"] = metadata.per_inch
    options |= {"pnginfo": metadata.png_chunks()} if suffix == ".png" else {"quality": _QUALITY}
    file = io.BytesIO()
    try:
        Image.fromarray(frame).save(file, _DESCRIBED[suffix], **options)
    except (OSError, ValueError):  # too large, or with too much metadata
        return _encoded(suffix, frame, metadata)
    return file.getvalue()
