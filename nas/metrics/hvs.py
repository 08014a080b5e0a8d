"""PSNR as the eye weighs it: errors of 8 x 8 blocks by spatial frequency, without and with masking by contrast.

PSNR-HVS after Egiazarian et al., "New full-reference quality metrics based on HVS", VPQM 2006; PSNR-HVS-M after
Ponomarenko et al., "On between-coefficient contrast masking of DCT basis functions", VPQM 2007.
"""

import torch
from torch import Tensor

from nas.data.jpeg_blocks import BLOCK, LUMINANCE, cosines
from nas.metrics.metric import metric
from nas.metrics.pixelwise import PSNR_LIMIT, decibels

_LEVELS = 255.0
"""Masking was found out on 8-bit images: others are brought to their levels."""

_MASKING = 32.0
"""The square root of 64 coefficients times the masking factor 16 of the paper of 2007."""


@metric("psnr-hvs", label="PSNR-HVS", unit="dB", digits=3, limit=PSNR_LIMIT, least_side=BLOCK)
def psnr_hvs(sr: Tensor, hr: Tensor, peak: float) -> Tensor:
    """PSNR of DCT coefficients of 8 x 8 blocks, weighted by the eye's contrast sensitivity, in dB.

    White noise has the same as its PSNR. Rows and columns beyond a multiple of 8 are left out.
    """
    sr, hr = (_coefficients(_blocks(image, peak)) for image in (sr, hr))
    return _weighted((sr - hr).abs())


@metric("psnr-hvs-m", label="PSNR-HVS-M", unit="dB", digits=3, limit=PSNR_LIMIT, least_side=BLOCK)
def psnr_hvs_m(sr: Tensor, hr: Tensor, peak: float) -> Tensor:
    """PSNR-HVS of the part of each coefficient's error that the block's own contrast doesn't hide, in dB."""
    sr_blocks, hr_blocks = _blocks(sr, peak), _blocks(hr, peak)
    sr_coefficients, hr_coefficients = _coefficients(sr_blocks), _coefficients(hr_blocks)
    hidden = torch.maximum(_masking(sr_blocks, sr_coefficients), _masking(hr_blocks, hr_coefficients))
    threshold = hidden[..., None, None] / _contrast(sr).square()
    threshold[..., 0, 0] = 0  # a block's mean is never hidden
    return _weighted(((sr_coefficients - hr_coefficients).abs() - threshold).clamp(min=0))


def _blocks(images: Tensor, peak: float) -> Tensor:
    """[N, 1, H, W] in 0..peak → whole blocks [N, 1, H // 8, W // 8, 8, 8] in 0..255."""
    blocks: Tensor = images.unfold(-2, BLOCK, BLOCK).unfold(-2, BLOCK, BLOCK)
    return blocks * (_LEVELS / peak)


def _coefficients(blocks: Tensor) -> Tensor:
    """The orthonormal discrete cosine transform (DCT-II) of each block."""
    basis = cosines(blocks.dtype, blocks.device)
    return basis @ blocks @ basis.T


def _contrast(like: Tensor) -> Tensor:
    """10 over JPEG's steps, [8, 8], the eye's sensitivity by both papers; its squares weigh a block's energy."""
    return 10 / torch.tensor(LUMINANCE, dtype=like.dtype, device=like.device)


def _weighted(error: Tensor) -> Tensor:
    """Errors of coefficients [N, 1, h, w, 8, 8] → the PSNR of their weighted squares."""
    weights = _contrast(error).square()
    weights = weights / weights.mean()
    return decibels((error.square() * weights).mean(dim=(1, 2, 3, 4, 5)), _LEVELS)


def _masking(blocks: Tensor, coefficients: Tensor) -> Tensor:
    """How much each block hides, [N, 1, h, w]: its contrast, less where an edge between its quarters makes it."""
    weights = _contrast(blocks).square()
    weights[0, 0] = 0
    energy = (coefficients.square() * weights).sum((-2, -1))
    half = BLOCK // 2
    quarters = _spread(blocks.unfold(-2, half, half).unfold(-2, half, half)).sum((-2, -1))
    whole = _spread(blocks)
    return (energy * torch.where(whole > 0, quarters / whole, 0)).sqrt() / _MASKING


def _spread(pixels: Tensor) -> Tensor:
    """The variance over the last two dimensions times the number of pixels there."""
    return pixels.var(dim=(-2, -1)) * pixels.shape[-2] * pixels.shape[-1]
