"""The loss between edges."""

from torch import Tensor

from nas.training.losses.loss import pixel_loss


@pixel_loss("gradient", worst=2.0)
def gradient(sr: Tensor, hr: Tensor) -> Tensor:
    """Mean absolute difference of the slopes between neighbouring pixels, over rows and columns."""
    difference = sr - hr
    return (difference.diff(dim=-2).abs().mean() + difference.diff(dim=-1).abs().mean()) / 2
