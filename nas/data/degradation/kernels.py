"""Blur kernels, and the convolution of each image of a batch with its own kernel.

Kernels are [N, side, side] with the sum 1 and an odd side, centred on the middle pixel. Lengths are in pixels.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

_FFT_STEP = 16
"""Sides of Fourier transforms are multiples of this, because sizes with small prime factors are fast."""

_SUBPIXELS = 8
"""Parts along the side of a pixel. Each part lies inside or outside of a disk."""


def gaussian(sigmas: Tensor, angles: Tensor, side: int, shape: Tensor | None = None) -> Tensor:
    """Return Gaussian kernels with deviations [N, 2] along and across axes at `angles` [N], in radians.

    With `shape` [N], β, they are generalised: exp(-½ q^β) instead of exp(-½ q), where q is the squared distance in
    deviations. β below 1 gives a sharper peak, above 1 a flatter top (arXiv 2107.10833, section 3.1).
    """
    q = _squared_distance(sigmas, angles, side)
    return _normalised(torch.exp(-0.5 * (q if shape is None else q.pow(shape[:, None, None]))))


def plateau(sigmas: Tensor, angles: Tensor, side: int, shape: Tensor) -> Tensor:
    """Return kernels 1 / (1 + q^β) with a flat top and long tails. The parameters are those of `gaussian`."""
    return _normalised(1 / (1 + _squared_distance(sigmas, angles, side).pow(shape[:, None, None])))


def disk(radii: Tensor, side: int) -> Tensor:
    """Return images of a point out of focus: uniform disks with radii [N]. Pixels at the edge get their share."""
    y, x = (axis / _SUBPIXELS for axis in _grid(side * _SUBPIXELS, radii))
    radii = radii[:, None, None].clamp(min=0.25)  # any smaller disk also lies in the middle pixel
    inside = ((radii - torch.hypot(x, y)) * _SUBPIXELS + 0.5).clamp(0, 1)
    return _normalised(F.avg_pool2d(inside, _SUBPIXELS))


def line(lengths: Tensor, angles: Tensor, side: int) -> Tensor:
    """Return traces of a point in uniform motion: straight lines of lengths [N] at `angles` [N], 1 pixel wide."""
    along, across = _turned(angles, side)
    within = (lengths[:, None, None] / 2 + 0.5 - along.abs()).clamp(0, 1)
    return _normalised(within * (1 - across.abs()).clamp(min=0))


def sinc(cutoffs: Tensor, side: int) -> Tensor:
    """Return ideal circular low-pass filters, cut to the kernel: ω J₁(ω r) / (2π r). They cause ringing.

    `cutoffs` [N] are shares of the Nyquist frequency (arXiv 2107.10833, section 3.3).
    """
    y, x = _grid(side, cutoffs)
    omega = cutoffs[:, None, None] * torch.pi
    radius = torch.hypot(x, y)
    values = omega * torch.special.bessel_j1(omega * radius) / (2 * torch.pi * radius.clamp(min=0.5))
    return _normalised(torch.where(radius == 0, omega**2 / (4 * torch.pi), values))


def cut(kernels: Tensor, sides: Tensor) -> Tensor:
    """Return the kernels [N, side, side], each cut to its own odd side [N], with the sum 1."""
    y, x = _grid(kernels.shape[-1], kernels)
    inside = torch.maximum(x.abs(), y.abs()) * 2 < sides[:, None, None]
    return _normalised(kernels * inside)


def convolve(images: Tensor, kernels: Tensor) -> Tensor:
    """Convolve images [N, 1, H, W], each with its kernel of [N, side, side].

    The pixels at the border are repeated outside. Fourier transforms are used: for kernels of 25 x 25 they take half
    the time of a direct convolution on a CPU.
    """
    side, (height, width) = kernels.shape[-1], images.shape[-2:]
    padded = F.pad(images, (side // 2,) * 4, mode="replicate")
    size = [-(-length // _FFT_STEP) * _FFT_STEP for length in padded.shape[-2:]]
    product = torch.fft.rfft2(padded, s=size) * torch.fft.rfft2(kernels[:, None], s=size)
    # A circular convolution spoils only the first side - 1 rows and columns, which belong to the padding.
    whole: Tensor = torch.fft.irfft2(product, s=size)
    return whole[..., side - 1 : side - 1 + height, side - 1 : side - 1 + width]


def _grid(side: int, like: Tensor) -> tuple[Tensor, Tensor]:
    along = torch.arange(side, device=like.device, dtype=torch.float32) - (side - 1) / 2
    return along[:, None], along[None]


def _turned(angles: Tensor, side: int) -> tuple[Tensor, Tensor]:
    y, x = _grid(side, angles)
    cosine, sine = angles.cos()[:, None, None], angles.sin()[:, None, None]
    return x * cosine + y * sine, y * cosine - x * sine


def _squared_distance(sigmas: Tensor, angles: Tensor, side: int) -> Tensor:
    """Return the squared distance of each pixel from the middle, in deviations: [N, side, side]."""
    along, across = _turned(angles, side)
    # A kernel of width 0 keeps only its middle pixel.
    along_sigma, across_sigma = sigmas.clamp(min=1e-3)[..., None, None].unbind(1)
    return (along / along_sigma).square() + (across / across_sigma).square()


def _normalised(kernels: Tensor) -> Tensor:
    return kernels / kernels.sum((-2, -1), keepdim=True)
