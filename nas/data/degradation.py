"""Degradations: how a high-resolution image becomes a low-resolution one. Adding one is adding one function."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from torch import Tensor

from nas.data.images import Pixels, UnreadableImageError, read_image, resize_bicubic, to_pixels, to_tensor
from nas.errors import InputError
from search_spaces.registry import unknown_name

Degradation = Callable[[Tensor, int], Tensor]
"""(HR [N, C, sH, sW] in 0..1, scale s) → LR [N, C, H, W]; deterministic, one image independent of the others."""

_registered: dict[str, Degradation] = {}
DEGRADATIONS: Mapping[str, Degradation] = MappingProxyType(_registered)
"""Every registered degradation by its name."""


def degradation(name: str) -> Callable[[Degradation], Degradation]:
    """Decorator that registers a degradation; raises `ValueError` when the name is taken.

    What the function returns is clipped to 0..1, so it needn't be. A data set then rounds it to the image's integer
    range, because low-resolution files hold integers.
    """

    def register(function: Degradation) -> Degradation:
        if name in _registered:
            raise ValueError(f"The degradation {name!r} is already registered.")
        _registered[name] = function
        return function

    return register


def get_degradation(name: str) -> Degradation:
    """The degradation of that name, clipped to 0..1; raises `InputError` with the nearest name for an unknown one."""
    if name not in _registered:
        raise InputError(str(unknown_name("degradation", name, _registered)))
    function = _registered[name]

    def clipped(hr: Tensor, scale: int) -> Tensor:
        return function(hr, scale).clamp(0, 1)

    return clipped


@degradation("bicubic")
def bicubic(hr: Tensor, scale: int) -> Tensor:
    """Anti-aliased bicubic reduction, the standard benchmark degradation ("BI"); see `resize_bicubic`."""
    return resize_bicubic(hr, (hr.shape[-2] // scale, hr.shape[-1] // scale))


def low_resolution(hr: Pixels, scale: int, degradation: str, file: Path | None = None) -> Pixels:
    """The LR image of `hr` (uint8 or uint16 [H, W]), [H // scale, W // scale] of the same type.

    Read from `file` where given; else made by the named degradation from the HR image without the rows and columns
    beyond a multiple of the scale, and rounded. Raises `UnreadableImageError` when the file's size or bit depth
    doesn't fit.
    """
    height, width = hr.shape[0] // scale, hr.shape[1] // scale
    if file is None:
        whole = to_tensor(hr[: height * scale, : width * scale])
        return to_pixels(get_degradation(degradation)(whole, scale), hr.dtype)
    lr = read_image(file)
    if lr.shape != (height, width):
        sizes = f"{lr.shape[1]} x {lr.shape[0]} pixels, but its HR image needs {width} x {height} at x{scale}"
        raise UnreadableImageError(file, f"is an LR image of {sizes}")
    if lr.dtype != hr.dtype:
        raise UnreadableImageError(file, f"is {lr.dtype}, but its HR image is {hr.dtype}")
    return lr
