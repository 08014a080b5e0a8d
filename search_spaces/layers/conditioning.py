"""Inputs of conditional networks that describe how an image was degraded: noise levels and blur kernels as tensors."""

import math
from functools import lru_cache

import torch
from torch import Tensor

Level = float | Tensor
"""A noise level: the standard deviation in the image's units of 0..1, one number for all images or [N, 1, 1, 1]."""


def level_of(noise: Level, image: Tensor) -> Tensor:
    """Return the noise level of each image of [N, C, H, W] as [N, 1, 1, 1]."""
    level = noise if isinstance(noise, Tensor) else torch.full_like(image[:1, :1, :1, :1], noise)
    return level.to(image).reshape(-1, 1, 1, 1).expand(image.shape[0], 1, 1, 1)


def planes(values: Tensor, image: Tensor) -> Tensor:
    """[1 or N, K, 1, 1] → [N, K, H, W], the size of `image`."""
    return values.to(image).expand(image.shape[0], -1, *image.shape[-2:])


def gaussian_kernels(variances: Tensor, angles: Tensor, size: int) -> Tensor:
    """Return blur kernels [K, size, size] with sum 1 for variances [K, 2] along and across axes at `angles` [K]."""
    line = torch.arange(size, dtype=variances.dtype, device=variances.device) - (size - 1) / 2
    y, x = line[:, None], line[None]
    cosine, sine = angles.cos()[:, None, None], angles.sin()[:, None, None]
    along, across = x * cosine + y * sine, y * cosine - x * sine
    exponent = along.square() / variances[:, 0, None, None] + across.square() / variances[:, 1, None, None]
    return torch.softmax(-exponent.flatten(1) / 2, dim=1).view(-1, size, size)


def bicubic_kernel(scale: int) -> Tensor:
    """Return the blur [K, K] after which taking every `scale`-th pixel is bicubic down-sampling (a = -0.5).

    The blur is a convolution around the pixel K // 2. Down-sampling keeps the first pixel of each scale x scale block,
    but the LR pixel lies in the middle of the block, so the kernel is centred on this middle.
    """
    half = 2 * scale + 1
    distance = (torch.arange(-half, half + 1) + (scale - 1) / 2).abs() / scale
    inner = (1.5 * distance - 2.5) * distance.square() + 1
    outer = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    line = torch.where(distance < 1, inner, torch.where(distance < 2, outer, 0.0))
    line = line / line.sum()
    return line[:, None] * line


@lru_cache
def kernel_basis(size: int, count: int, samples: int = 2000, largest: float = 12.0) -> Tensor:
    """Return the first `count` principal components of Gaussian blur kernels, [count, size²], orthonormal, on the CPU.

    The kernels have variances up to `largest` in any direction. They are a fixed low-discrepancy sample, not a grid:
    the symmetries of a grid would leave the components undetermined. The largest element of each component is positive.
    """
    # The additive recurrence of the generalised golden ratio of three dimensions, the root of x⁴ = x + 1.
    ratio = 1.2207440846057596
    steps = torch.tensor([ratio**-1, ratio**-2, ratio**-3], dtype=torch.float64, device="cpu")
    first, second, turn = (torch.arange(1, samples + 1, device="cpu")[:, None] * steps % 1).unbind(1)
    along = 0.1 + largest * first
    variances = torch.stack((along, 0.1 + (along - 0.1) * second), dim=1)
    kernels = gaussian_kernels(variances, math.pi * turn, size).flatten(1)
    vectors: Tensor = torch.linalg.eigh(kernels.T @ kernels).eigenvectors
    basis = vectors.T.flip(0)[:count]
    peaks = basis.gather(1, basis.abs().argmax(dim=1, keepdim=True))
    return (basis * peaks.sign()).float()
