"""Degradations: how a high-resolution image becomes a low-resolution one. Adding one is adding one function."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor

from nas.data.images import Pixels, UnreadableImageError, read_image, resize_bicubic, to_pixels, to_tensor
from nas.errors import InputError
from search_spaces.registry import unknown_name

Degradation = Callable[[Tensor, int], Tensor]
"""(HR [N, C, sH, sW] in 0..1, scale s) → LR [N, C, H, W]; deterministic, one image independent of the others. The scale
of denoisers is 1."""

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


@degradation("noise")
def noise(hr: Tensor, scale: int) -> Tensor:
    """Bicubic reduction, then white Gaussian noise of 15 of 255 grey levels, at which denoisers are often compared."""
    return bicubic(hr, scale) + 15 / 255 * gaussian_noise(hr, scale)


def gaussian_noise(hr: Tensor, scale: int) -> Tensor:
    """Normal numbers of mean 0 and deviation 1 for the LR images of `hr`, drawn anew but the same for the same image.

    Each image is its own seed, so its noise depends neither on the other images nor on their order.
    """
    lows = []
    for image in hr.float().cpu():
        digest = hashlib.sha256(image.contiguous().numpy().tobytes()).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
        lows.append(torch.randn(hr.shape[1], hr.shape[2] // scale, hr.shape[3] // scale, generator=generator))
    return torch.stack(lows).to(hr.device)


def low_resolution(
    hr: Pixels, scale: int, degradation: str, file: Path | None = None, read: Callable[[Path], Pixels] = read_image
) -> Pixels:
    """The LR image of `hr` (uint8 or uint16 [H, W]), [H // scale, W // scale] of the same type.

    Read from `file` by `read` where given; else made by the named degradation from the HR image without the rows and
    columns beyond a multiple of the scale, and rounded. Raises `UnreadableImageError` when the file's size or bit depth
    doesn't fit.
    """
    height, width = hr.shape[0] // scale, hr.shape[1] // scale
    if file is None:
        whole = to_tensor(hr[: height * scale, : width * scale])
        return to_pixels(get_degradation(degradation)(whole, scale), hr.dtype)
    lr = read(file)
    if lr.shape != (height, width):
        sizes = f"{lr.shape[1]} x {lr.shape[0]} pixels, but its HR image needs {width} x {height} at x{scale}"
        raise UnreadableImageError(file, f"is an LR image of {sizes}")
    if lr.dtype != hr.dtype:
        raise UnreadableImageError(file, f"is {lr.dtype}, but its HR image is {hr.dtype}")
    return lr
