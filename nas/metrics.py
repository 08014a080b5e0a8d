"""How reconstructions are judged: PSNR and SSIM on the integer range, and the protocol that makes them comparable."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from skimage.metrics import structural_similarity
from torch import Tensor

from nas.data.image_set import ImageSet
from nas.data.images import resize_bicubic, round_to_range
from nas.errors import InputError

Image = Tensor | np.ndarray[Any, np.dtype[Any]]
"""One image in 0..1, [..., H, W] with leading dimensions of 1."""

PSNR_LIMIT = 100.0
"""What an image that is reproduced exactly counts in a mean, in dB; an infinite value would hide all others."""

SSIM_WINDOW = 11
"""Side of the window of `ssim` in pixels, the least an image must have inside the shave."""


@dataclass(frozen=True)
class Protocol:
    """What two numbers must share to be comparable; `data` is the fingerprint of the image set."""

    data: str
    degradation: str
    scale: int
    shave: int
    crop: int | None = None
    """Side of the centre crop in HR pixels; None is the whole image."""
    channel: str = "gray"
    rounding: str = "integer"
    peak: str = "integer range"
    denoiser: str | None = None
    """The digest of the denoiser before the network; None is none."""

    @classmethod
    def of(cls, images: ImageSet, crop: int | None = None) -> "Protocol":
        """The protocol that `measure` follows on this set: a shave as wide as the scale, so of 1 for denoisers."""
        return cls(
            images.fingerprint,
            images.degradation,
            images.scale,
            shave=images.scale,
            crop=crop,
            peak=images.peak_in_words,
            denoiser=images.denoiser,
        )

    def describe(self) -> str:
        """One line for below a table or a plot."""
        area = "whole images" if self.crop is None else f"centre {self.crop} x {self.crop}"
        denoised = f" denoised by {self.denoiser}" if self.denoiser else ""
        return (
            f"data {self.data}, {self.degradation} x{self.scale}{denoised}, {self.channel}, shave {self.shave}, "
            f"{self.rounding} rounding, peak {self.peak}, {area}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON and YAML; the denoiser is left out where there is none."""
        return {name: value for name, value in asdict(self).items() if name != "denoiser" or value}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Protocol":
        """The inverse of `to_dict`; raises `InputError` for a missing or unknown field."""
        try:
            return cls(**values)
        except TypeError as error:
            raise InputError(f"This is not a measuring protocol: {error}.") from None


@dataclass(frozen=True)
class Measurement:
    """Means over the images, PSNR in dB, SSIM in -1..1 (NaN where not measured); `per_image` is (name, PSNR, SSIM)."""

    psnr: float
    ssim: float
    per_image: tuple[tuple[str, float, float], ...]


def psnr(sr: Image, hr: Image, *, peak: float, shave: int, rounds: bool = True) -> float:
    """Peak signal-to-noise ratio in dB, 10 log10(peak² / MSE), infinite for equal images.

    Both images are in 0..1 and are rounded to 0..peak, or else hold integers already; `shave` pixels are left out on
    each side. Raises `ValueError` when the sizes differ or nothing is left.
    """
    first, second = _prepare(sr, hr, peak if rounds else None, shave)
    error = float(np.mean((first - second) ** 2))
    return 10 * math.log10(peak**2 / error) if error else math.inf


def ssim(sr: Image, hr: Image, *, peak: float, shave: int, rounds: bool = True) -> float:
    """Structural similarity, rounded and shaved like `psnr`.

    Wang et al. 2004 (doi:10.1109/TIP.2003.819861): 11 x 11 Gaussian window of sigma 1.5, K1 = 0.01, K2 = 0.03, averaged
    where the whole window lies inside the image. Raises `InputError` when fewer than 11 x 11 pixels are left.
    """
    first, second = _prepare(sr, hr, peak if rounds else None, shave)
    if min(first.shape) < SSIM_WINDOW:
        height, width = first.shape
        raise InputError(f"SSIM needs at least 11 x 11 pixels inside the shaved border, but got {width} x {height}.")
    return float(
        structural_similarity(
            first, second, data_range=peak, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
    )


def _prepare(sr: Image, hr: Image, peak: float | None, shave: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    first, second = (torch.as_tensor(image).detach().cpu() for image in (sr, hr))
    if first.shape[-2:] != second.shape[-2:]:
        raise ValueError(f"Images of one size are needed, but got {tuple(first.shape)} and {tuple(second.shape)}.")
    height, width = first.shape[-2:]
    if min(height, width) <= 2 * shave:
        raise ValueError(f"A shave of {shave} leaves nothing of {width} x {height} pixels.")
    inner = slice(shave, height - shave), slice(shave, width - shave)
    inside = [image.reshape(height, width)[inner] for image in (first, second)]
    rounded = inside if peak is None else [round_to_range(image, int(peak)) for image in inside]
    return rounded[0].double().numpy(), rounded[1].double().numpy()


def limited(decibels: float) -> float:
    """A PSNR as it enters a mean: at most `PSNR_LIMIT`."""
    return min(decibels, PSNR_LIMIT)


def measure(
    upscale: Callable[[Tensor], Tensor],
    images: ImageSet,
    *,
    crop: int | None = None,
    with_ssim: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Measurement:
    """Upscales every image and compares it with its HR image, following `Protocol.of(images, crop)`.

    `upscale` maps LR [1, 1, h, w] to SR [1, 1, s h, s w], values of which the image's levels make integers; it runs
    without gradients and may return a tensor on any device. An exactly reproduced image counts `PSNR_LIMIT`.
    """
    rows: list[tuple[str, float, float]] = []
    for index in range(len(images)):
        pair = images.pair(index, crop)
        with torch.no_grad():
            sr = upscale(pair.lr)
        found, target = pair.levels.integers(sr), pair.levels.integers(pair.hr)
        peak, shave = pair.levels.peak, images.scale
        quality = limited(psnr(found, target, peak=peak, shave=shave, rounds=False))
        similarity = ssim(found, target, peak=peak, shave=shave, rounds=False) if with_ssim else math.nan
        rows.append((pair.name, quality, similarity))
        if progress:
            progress(index + 1, len(images))
    means = np.mean([row[1:] for row in rows], axis=0)
    return Measurement(float(means[0]), float(means[1]), tuple(rows))


def baseline_name(scale: int) -> str:
    """What `bicubic_baseline` measures: bicubic enlargement, which at scale 1 is the input as it is."""
    return "bicubic" if scale > 1 else "input"


def bicubic_baseline(images: ImageSet, crop: int | None = None) -> Measurement:
    """What bicubic enlargement alone reaches on a set, at scale 1 the images as they are: what networks must beat."""

    def enlarge(lr: Tensor) -> Tensor:
        return resize_bicubic(lr, (lr.shape[-2] * images.scale, lr.shape[-1] * images.scale))

    return measure(enlarge, images, crop=crop)
