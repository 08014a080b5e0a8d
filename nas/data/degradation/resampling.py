"""Changes of the size of images. The middle of an image stays where it is.

Pixel i of n' covers i n / n' .. (i + 1) n / n' of the n pixels before. So LR pixel (y, x) lies over the HR pixels
s y .. s y + s - 1, s x .. s x + s - 1, also after several changes of size.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from nas.data.images import resize_bicubic

Method = Literal["area", "bilinear", "bicubic", "lanczos"]


def resize(images: Tensor, size: tuple[int, int], method: Method, antialias: bool = True) -> Tensor:
    """Resize [N, C, H, W] to [N, C, *size], in float32. Images that have this size are returned unchanged.

    `area` is the mean over the area of a new pixel (when enlarging: the nearest pixel, or a mean of two). `lanczos` has
    three lobes. With `antialias`, the kernels of `bilinear` and `bicubic` grow as the image shrinks. `bicubic` is Keys'
    kernel with a = -0.5, see `resize_bicubic`; without `antialias` a = -0.75, as in OpenCV.
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
    """Return images [N, C, H, W], weighted by [N or 1, H', H] and [N or 1, W', W]: [N, C, H', W'], in float32.

    This is a product of matrices. For patches it is several times faster than a convolution with long kernels.
    """
    return rows[:, None] @ images.float() @ columns[:, None].mT


def area_rows(old: int, new: int, device: torch.device) -> Tensor:
    """Return weights [1, new, old] of the mean over the area of each new pixel."""
    edges = torch.arange(new + 1, device=device) * (old / new)
    pixels = torch.arange(old, device=device)
    shared = torch.minimum(edges[1:, None], pixels + 1) - torch.maximum(edges[:-1, None], pixels)
    return _normalised(shared.clamp(min=0))[None]


def lanczos_rows(old: int, new: int, device: torch.device) -> Tensor:
    """Return weights [1, new, old] of Lanczos' kernel sinc(t) sinc(t / 3), stretched when the image shrinks."""
    distance = _distances(old, new, device) / max(old / new, 1)
    weights = torch.sinc(distance) * torch.sinc(distance / 3)
    return _normalised(torch.where(distance.abs() < 3, weights, 0.0))[None]


def gaussian_rows(old: int, new: int, sigmas: Tensor, reaches: Tensor | None = None) -> Tensor:
    """Return weights [N, new, old] of Gaussians around the middles of new pixels, with deviations [N] in old pixels.

    With `reaches` [N], weights at this distance and beyond are 0. If `new` equals `old`, the weights blur. Otherwise
    they combine a blur by a shifted kernel with keeping every s-th pixel (arXiv 2103.14006, section 3.2).
    """
    distance = _distances(old, new, sigmas.device)[None]
    nearest = distance.abs().amin(-1, keepdim=True)  # with it, a kernel of width 0 keeps the nearest pixels
    exponent = (nearest.square() - distance.square()) / (2 * sigmas.clamp(min=1e-3)[:, None, None].square())
    weights = torch.exp(exponent.clamp(min=-60))  # smaller numbers are slow and have no influence
    if reaches is not None:
        weights = weights * (distance.abs() < reaches[:, None, None])
    return _normalised(weights)


def _distances(old: int, new: int, device: torch.device) -> Tensor:
    """Return the distances between the middles of new and old pixels, in old pixels: [new, old]."""
    middles = (torch.arange(new, device=device, dtype=torch.float64) + 0.5) * (old / new) - 0.5
    return (torch.arange(old, device=device) - middles[:, None]).float()


def _normalised(weights: Tensor) -> Tensor:
    return weights / weights.sum(-1, keepdim=True)
