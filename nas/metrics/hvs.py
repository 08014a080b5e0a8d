"""PSNR with the contrast sensitivity of the eye, by spatial frequency in 8 x 8 blocks, without and with masking.

PSNR-HVS after Egiazarian et al., "New full-reference quality metrics based on HVS", VPQM 2006; PSNR-HVS-M after
Ponomarenko et al., "On between-coefficient contrast masking of DCT basis functions", VPQM 2007.
"""

import torch
from torch import Tensor

from nas.data.jpeg_blocks import BLOCK, LUMINANCE, cosines
from nas.metrics.metric import metric
from nas.metrics.pixelwise import PSNR_LIMIT, decibels

_LEVELS = 255.0
"""The levels for which masking was fitted. Other images are scaled to these levels."""

_MASKING = 32.0
"""The square root of 64 coefficients times the masking factor 16 of the paper from 2007."""


@metric("psnr-hvs", label="PSNR-HVS", unit="dB", digits=3, limit=PSNR_LIMIT, least_side=BLOCK)
def psnr_hvs(sr: Tensor, hr: Tensor, peak: float) -> Tensor:
    """Return the PSNR of DCT coefficients of 8 x 8 blocks, weighted by the contrast sensitivity of the eye, in dB.

    For white noise it equals the PSNR. Rows and columns beyond a multiple of 8 are left out.
    """
    sr, hr = (_coefficients(_blocks(image, peak)) for image in (sr, hr))
    return _weighted((sr - hr).abs())


@metric("psnr-hvs-m", label="PSNR-HVS-M", unit="dB", digits=3, limit=PSNR_LIMIT, least_side=BLOCK)
def psnr_hvs_m(sr: Tensor, hr: Tensor, peak: float) -> Tensor:
    """Return the PSNR-HVS, in dB, of the part of each coefficient's error that the block's contrast doesn't hide."""
    sr_blocks, hr_blocks = _blocks(sr, peak), _blocks(hr, peak)
    sr_coefficients, hr_coefficients = _coefficients(sr_blocks), _coefficients(hr_blocks)
    hidden = torch.maximum(_masking(sr_blocks, sr_coefficients), _masking(hr_blocks, hr_coefficients))
    threshold = hidden[..., None, None] / _contrast(sr).square()
    threshold[..., 0, 0] = 0  # an error of the mean of a block is never hidden
    return _weighted(((sr_coefficients - hr_coefficients).abs() - threshold).clamp(min=0))


def _blocks(images: Tensor, peak: float) -> Tensor:
    """Divide [N, 1, H, W] in 0..peak into whole blocks [N, 1, H // 8, W // 8, 8, 8] in 0..255."""
    blocks: Tensor = images.unfold(-2, BLOCK, BLOCK).unfold(-2, BLOCK, BLOCK)
    return blocks * (_LEVELS / peak)


def _coefficients(blocks: Tensor) -> Tensor:
    """Return the orthonormal discrete cosine transform (DCT-II) of each block."""
    basis = cosines(blocks.dtype, blocks.device)
    return basis @ blocks @ basis.T


def _contrast(like: Tensor) -> Tensor:
    """Return the sensitivity of the eye by both papers, [8, 8]: 10 over JPEG's steps. Its squares weigh energies."""
    return 10 / torch.tensor(LUMINANCE, dtype=like.dtype, device=like.device)


def _weighted(error: Tensor) -> Tensor:
    """Return the PSNR of weighted squares of coefficients' errors [N, 1, h, w, 8, 8]."""
    weights = _contrast(error).square()
    weights = weights / weights.mean()
    return decibels((error.square() * weights).mean(dim=(1, 2, 3, 4, 5)), _LEVELS)


def _masking(blocks: Tensor, coefficients: Tensor) -> Tensor:
    """Return how much each block hides, [N, 1, h, w]: its contrast, reduced if the contrast is that of an edge."""
    weights = _contrast(blocks).square()
    weights[0, 0] = 0
    energy = (coefficients.square() * weights).sum((-2, -1))
    half = BLOCK // 2
    quarters = _spread(blocks.unfold(-2, half, half).unfold(-2, half, half)).sum((-2, -1))
    whole = _spread(blocks)
    return (energy * torch.where(whole > 0, quarters / whole, 0)).sqrt() / _MASKING


def _spread(pixels: Tensor) -> Tensor:
    """Return the variance over the last two dimensions, multiplied by their number of pixels."""
    return pixels.var(dim=(-2, -1)) * pixels.shape[-2] * pixels.shape[-1]
