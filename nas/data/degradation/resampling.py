"""Changes of an image's size, all with the middle of the image staying where it is.

Pixel i of n' covers i n / n' .. (i + 1) n / n' of the n pixels before: so LR pixel (y, x) lies over the HR pixels
s y .. s y + s - 1, s x .. s x + s - 1 whatever sizes an image went through on the way.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from nas.data.images import resize_bicubic

Method = Literal["area", "bilinear", "bicubic", "lanczos"]


def resize(images: Tensor, size: tuple[int, int], method: Method, antialias: bool = True) -> Tensor:
    """[N, C, H, W] → [N, C, *size], in float32; unchanged where it has that size.

    `area` is the mean over the pixel's area (when enlarging: the nearest pixel, but between two), `lanczos` has three
    lobes. With `antialias` the kernels of the others grow as the image shrinks. Bicubic is Keys' kernel with
    a = -0.5, see `resize_bicubic`; without `antialias` it has a = -0.75, as everywhere in OpenCV.
    """
    if tuple(images.shape[-2:]) == tuple(size):
        return images
    if method == "bicubic" and antialias:
        return resize_bicubic(images, size)
    if method in ("bilinear", "bicubic"):
        return F.interpolate(images.float(), size=size, mode=method, align_corners=False, antialias=antialias)
    make = area_rows if method == "area" else lanczos_rows
    return resample(images, *(make(old, new, images.device) for old, new in zip(images.shape[-2:], size, strict=True)))


def resample(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Images [N, C, H, W] with weights [N or 1, H', H] and [N or 1, W', W] → [N, C, H', W'], in float32.

    A product of matrices: for patches it is several times as fast as a convolution with long kernels.
    """
    return rows[:, None] @ images.float() @ columns[:, None].mT


def area_rows(old: int, new: int, device: torch.device) -> Tensor:
    """Weights [1, new, old] of the mean over each new pixel's area."""
    edges = torch.arange(new + 1, device=device) * (old / new)
    pixels = torch.arange(old, device=device)
    shared = torch.minimum(edges[1:, None], pixels + 1) - torch.maximum(edges[:-1, None], pixels)
    return _normalised(shared.clamp(min=0))[None]


def lanczos_rows(old: int, new: int, device: torch.device) -> Tensor:
    """Weights [1, new, old] of Lanczos' kernel sinc(t) sinc(t / 3), stretched when the image shrinks."""
    distance = _distances(old, new, device) / max(old / new, 1)
    weights = torch.sinc(distance) * torch.sinc(distance / 3)
    return _normalised(torch.where(distance.abs() < 3, weights, 0.0))[None]


def gaussian_rows(old: int, new: int, sigmas: Tensor, reaches: Tensor | None = None) -> Tensor:
    """Weights [N, new, old] of Gaussians of these deviations [N], in old pixels, around each new pixel's middle.

    `reaches` [N], where given, leave nothing of them at this distance and beyond. With `new` = `old` they blur; else
    they are what a blur by a shifted kernel and keeping every s-th pixel come to (arXiv 2103.14006, section 3.2).
    """
    distance = _distances(old, new, sigmas.device)[None]
    nearest = distance.abs().amin(-1, keepdim=True)  # so that a kernel of width 0 keeps the nearest pixels
    exponent = (nearest.square() - distance.square()) / (2 * sigmas.clamp(min=1e-3)[:, None, None].square())
    weights = torch.exp(exponent.clamp(min=-60))  # smaller numbers are slow, and don't count
    if reaches is not None:
        weights = weights * (distance.abs() < reaches[:, None, None])
    return _normalised(weights)


def _distances(old: int, new: int, device: torch.device) -> Tensor:
    """From each new pixel's middle to each old one's, in old pixels: [new, old]."""
    middles = (torch.arange(new, device=device, dtype=torch.float64) + 0.5) * (old / new) - 0.5
    return (torch.arange(old, device=device) - middles[:, None]).float()


def _normalised(weights: Tensor) -> Tensor:
    return weights / weights.sum(-1, keepdim=True)
