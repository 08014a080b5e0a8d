"""Conversion between values of other types than uint8 and uint16, and the 16-bit counts that stand for them."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from nas.data.files.meaning import MEANING_FILE, Counts
from nas.data.files.unreadable import Pixels, UnreadableImageError

_READ_AS_THEY_ARE = ("uint8", "uint16")
_MOST = 65535


def is_scaled(dtype: np.dtype[Any]) -> bool:
    """Tell whether values of a type become counts by a scale. For int16 the scale is optional."""
    return dtype.name not in (*_READ_AS_THEY_ARE, "bool")


def check_type(path: Path, dtype: np.dtype[Any], counts: Counts | None) -> None:
    """Raise UnreadableImageError for a type that is not of images, or that needs a scale and has none."""
    name = dtype.name
    if name in (*_READ_AS_THEY_ARE, "int16", "bool"):
        return
    if dtype.kind not in "iuf":
        raise UnreadableImageError(path, f"holds {name} values, but integers or real numbers are needed")
    if counts is None:
        raise UnreadableImageError(path, _needs_scale(f"holds {name} values", "counts: {scale: 0.01, offset: 0}"))


def _needs_scale(holds: str, line: str) -> str:
    return (
        f"{holds}, which need a scale to become counts of 0 to 65535: write '{line}', where value = offset + scale x "
        f"count, into an {MEANING_FILE} beside it, or give --counts"
    )


def as_counts(path: Path, values: Pixels, counts: Counts | None) -> Pixels:
    """Return values of any type as uint8 or uint16 in native byte order. Values of these two types stay as they are.

    int16 without negative values needs no scale. Raises UnreadableImageError for values outside the range of counts.
    """
    check_type(path, values.dtype, counts)
    if values.dtype.name in _READ_AS_THEY_ARE:
        return values.astype(values.dtype.name, copy=False)
    if counts is None:
        least = int(values.min())
        if least < 0:
            reason = f"holds int16 values from {least} to {int(values.max())}"
            raise UnreadableImageError(path, _needs_scale(reason, "counts: {scale: 1, offset: -32768}"))
        return values.astype(np.uint16)
    wrong = int(np.count_nonzero(~np.isfinite(values)))
    if wrong:
        raise UnreadableImageError(path, f"holds {wrong} values that are no finite numbers")
    scaled = np.rint((values.astype(np.float64) - counts.offset) / counts.scale)
    if scaled.min() < 0 or scaled.max() > _MOST:
        raise UnreadableImageError(path, _out_of_range(float(values.min()), float(values.max()), counts))
    return scaled.astype(np.uint16)


def _out_of_range(least: float, most: float, counts: Counts) -> str:
    offset = min(counts.offset, math.floor(least))
    scale = max(counts.scale, _rounded_up((most - offset) / _MOST))
    return (
        f"holds values from {least:g} to {most:g}, but counts with scale {counts.scale:g} and offset "
        f"{counts.offset:g} reach from {counts.offset:g} to {counts.offset + counts.scale * _MOST:g}; "
        f"scale {scale:g} and offset {offset:g} would do"
    )


def _rounded_up(number: float) -> float:
    """Round up to two digits."""
    unit = 10.0 ** (math.floor(math.log10(number)) - 1) if number > 0 else 1.0
    return math.ceil(number / unit) * unit


def from_counts(pixels: Pixels, dtype: np.dtype[Any], counts: Counts | None) -> Pixels:
    """Return counts as values of the file's type and unit. Floats become float32.

    Integers are clipped to the limits of their type.
    """
    if dtype.name in _READ_AS_THEY_ARE or pixels.dtype == np.uint8:
        return pixels
    values = pixels.astype(np.float64)
    if counts is not None:
        values = counts.offset + counts.scale * values
    if dtype.kind == "f":
        return values.astype(np.float32)
    limits = np.iinfo(dtype.name)
    return np.rint(values).clip(limits.min, limits.max).astype(dtype.name)
