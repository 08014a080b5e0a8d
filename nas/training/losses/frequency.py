"""The loss between spectra."""

import torch
from torch import Tensor

from nas.training.losses.loss import pixel_loss


@pixel_loss("fft", worst=1.5)
def fft(sr: Tensor, hr: Tensor) -> Tensor:
    """Mean absolute difference of the real and imaginary parts of the spectra.

    The transform is orthonormal, so that the loss is of the size of L1 whatever the patch. Authors who leave it
    unnormalised (ShuffleMixer, 2205.15175, with a weight of 0.05) get a loss that grows with the patch: theirs is this
    one times the side of a square HR patch.
    """
    return torch.view_as_real(torch.fft.rfft2(sr - hr, norm="ortho")).abs().mean()
