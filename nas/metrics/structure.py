"""Structural similarity at one scale and at several.

They are computed by pytorch-msssim in float64 with a float64 window. This equals scikit-image to 1e-12 on any device
(with pytorch-msssim's float32 window to 1e-6). torchmetrics 1.9 also averages over windows that reach beyond the
border, which changes the result by 2e-4.
"""

from typing import cast

import torch
from pytorch_msssim import ms_ssim, ssim
from torch import Tensor

from nas.metrics.metric import metric

SSIM_WINDOW = 11
"""Side of the window in pixels. An image must be as large inside the shave."""

SIGMA = 1.5
"""Deviation of the Gaussian window, in pixels."""

SCALES = 5
"""Number of scales of MS-SSIM. Each scale halves the sides of the image, and the window must fit into the last."""


@metric("ssim", label="SSIM", least_side=SSIM_WINDOW)
def structural_similarity(sr: Tensor, hr: Tensor, peak: float) -> Tensor:
    """Return the structural similarity, -1..1.

    Wang et al. 2004 (doi:10.1109/TIP.2003.819861): 11 x 11 Gaussian window of sigma 1.5, K1 = 0.01, K2 = 0.03, averaged
    over the positions at which the whole window lies inside the image.
    """
    return cast(Tensor, ssim(sr, hr, data_range=peak, size_average=False, win=_window(sr)))


@metric("ms-ssim", label="MS-SSIM", least_side=(SSIM_WINDOW - 1) * 2 ** (SCALES - 1) + 1)
def multi_scale_structural_similarity(sr: Tensor, hr: Tensor, peak: float) -> Tensor:
    """Return the multi-scale structural similarity, 0..1.

    Wang et al. 2003 (doi:10.1109/ACSSC.2003.1292216): contrast and structure at five scales, luminance at the coarsest
    scale, weighted by 0.0448, 0.2856, 0.3001, 0.2363, 0.1333. Negative terms count as 0. Programs halve images with odd
    sides differently, which changes the result by about 1e-6.
    """
    return cast(Tensor, ms_ssim(sr, hr, data_range=peak, size_average=False, win=_window(sr)))


def _window(images: Tensor) -> Tensor:
    """Return the Gaussian along an axis of the window, [1, 1, 1, 11], with the sum 1."""
    offsets = torch.arange(SSIM_WINDOW, dtype=images.dtype, device=images.device) - SSIM_WINDOW // 2
    weights = (-offsets.square() / (2 * SIGMA**2)).exp()
    return (weights / weights.sum()).view(1, 1, 1, -1)
