"""Losses between pixels: L1, L2 and Charbonnier."""

from torch import Tensor
from torch.nn import functional as F

from nas.training.losses.loss import pixel_loss

EPSILON = 1e-3
"""Charbonnier is like L2 below this difference, and like L1 above; a quarter of a grey level of 8 bits (1710.01992)."""


@pixel_loss("l1", worst=1.0)
def l1(sr: Tensor, hr: Tensor) -> Tensor:
    """Mean absolute difference."""
    return F.l1_loss(sr, hr)


@pixel_loss("l2", worst=1.0)
def l2(sr: Tensor, hr: Tensor) -> Tensor:
    """Mean squared difference, from which PSNR is computed."""
    return F.mse_loss(sr, hr)


@pixel_loss("charbonnier", worst=1.01)
def charbonnier(sr: Tensor, hr: Tensor) -> Tensor:
    """Mean of sqrt(d² + ε²), an L1 that is smooth at zero; `EPSILON` for equal images (LapSRN, 1710.01992)."""
    return ((sr - hr).square() + EPSILON**2).sqrt().mean()
