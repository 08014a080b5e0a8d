"""Writing image files, whole or not at all, with all frames and in the type of the values."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile

from nas.data.files.unreadable import Pixels
from nas.errors import InputError
from nas.files import replacing

WRITTEN = (".bmp", ".jpeg", ".jpg", ".npy", ".png", ".tif", ".tiff")
"""Endings of the files that can be written, in lower case."""

_EIGHT_BIT_ALONE = (".bmp", ".jpeg", ".jpg")
_ANYTHING = (".npy", ".tif", ".tiff")
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


def write_frames(path: Path, frames: Iterable[Pixels], count: int = 1) -> None:
    """Write `count` frames, each [H, W]. Only one frame is in memory at a time.

    The file appears when all frames are written, and not at all if a frame fails. Raises InputError as `check_target`
    does, and for an image that is too large for the format; RunError if the file can't be written.
    """
    waiting = iter(frames)
    first = next(waiting)
    check_target(path, count, first.dtype)
    writer = {".npy": _write_npy, ".tif": _write_tiff, ".tiff": _write_tiff}.get(path.suffix.lower(), _write_coded)
    with replacing(path) as temporary:
        writer(path, temporary, chain([first], waiting), (count, *first.shape))


_Writer = Callable[[Path, Path, Iterator[Pixels], tuple[int, int, int]], None]


def _write_tiff(path: Path, temporary: Path, frames: Iterator[Pixels], shape: tuple[int, int, int]) -> None:
    first = next(frames)
    with tifffile.TiffWriter(temporary, bigtiff=shape[0] * first.nbytes > _LARGEST_TIFF) as file:
        for frame in chain([first], frames):
            # The predictor makes files of integers smaller, but not those of floats.
            file.write(
                frame, photometric="minisblack", compression="lzw", predictor=frame.dtype.kind != "f", metadata=None
            )


def _write_npy(path: Path, temporary: Path, frames: Iterator[Pixels], shape: tuple[int, int, int]) -> None:
    first = next(frames)
    described = {"shape": shape if shape[0] > 1 else shape[1:], "fortran_order": False, "descr": first.dtype.str}
    with temporary.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, described)
        for frame in chain([first], frames):
            if (frame.shape, frame.dtype) != (first.shape, first.dtype):
                raise InputError(f"{path}: .npy can't hold frames of different sizes or types; use .tif.")
            file.write(np.ascontiguousarray(frame).tobytes())


def _write_coded(path: Path, temporary: Path, frames: Iterator[Pixels], shape: tuple[int, int, int]) -> None:
    try:
        done, encoded = cv2.imencode(path.suffix.lower(), next(frames))
    except cv2.error:
        done = False
    if not done:
        raise InputError(f"{path}: {path.suffix} can't hold {shape[2]} x {shape[1]} pixels; use .tif.")
    temporary.write_bytes(encoded.tobytes())
