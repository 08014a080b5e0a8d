"""PSNR and SSIM of two images."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from nas.errors import InputError
from nas.metrics.pixelwise import peak_signal_to_noise_ratio
from nas.metrics.structure import SSIM_WINDOW, structural_similarity

Image = Tensor | np.ndarray[Any, np.dtype[Any]]
"""An image of integers as in a file, of any type, [..., H, W] with leading dimensions of 1."""


def psnr(sr: Image, hr: Image, *, peak: float, shave: int) -> float:
    """Return the peak signal-to-noise ratio in dB, 10 log10(peak² / MSE); infinite for equal images.

    `shave` pixels are left out on each side. Raises ValueError if the sizes differ, nothing is left, or the values are
    no integers.
    """
    return float(peak_signal_to_noise_ratio(*_shaved(sr, hr, shave), peak))


def ssim(sr: Image, hr: Image, *, peak: float, shave: int) -> float:
    """Return the structural similarity, shaved like `psnr`; see `structure.structural_similarity`.

    Raises InputError if fewer than 11 x 11 pixels are left, and errors as `psnr`.
    """
    first, second = _shaved(sr, hr, shave)
    height, width = first.shape[-2:]
    if min(height, width) < SSIM_WINDOW:
        raise InputError(f"SSIM needs at least 11 x 11 pixels inside the shaved border, but got {width} x {height}.")
    return float(structural_similarity(first, second, peak))


def _shaved(sr: Image, hr: Image, shave: int) -> tuple[Tensor, Tensor]:
    """Return both images as metrics take them, float64 [1, 1, H, W], without their border."""
    first, second = (torch.as_tensor(image).detach().cpu().double() for image in (sr, hr))
    if first.shape[-2:] != second.shape[-2:]:
        raise ValueError(f"Images of one size are needed, but got {tuple(first.shape)} and {tuple(second.shape)}.")
    if not (torch.equal(first, first.round()) and torch.equal(second, second.round())):
        raise ValueError("Integers as in a file are needed, but got fractions; `Levels.integers` makes them of values.")
    height, width = first.shape[-2:]
    if min(height, width) <= 2 * shave:
        raise ValueError(f"A shave of {shave} leaves nothing of {width} x {height} pixels.")
    inner = (..., slice(shave, height - shave), slice(shave, width - shave))
    first, second = (image.reshape(1, 1, height, width)[inner] for image in (first, second))
    return first, second
