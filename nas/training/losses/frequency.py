"""The loss between spectra."""

import torch
from torch import Tensor

from nas.training.losses.loss import pixel_loss


@pixel_loss("fft", worst=1.5)
def fft(sr: Tensor, hr: Tensor) -> Tensor:
    """Mean absolute difference of the real and imaginary parts of the spectra.

    The transform is orthonormal, so the loss is about as large as L1 for patches of any size. The unnormalised loss of
    some authors (ShuffleMixer, 2205.15175, with a weight of 0.05) grows with the patch: it is this loss multiplied by
    the side of a square HR patch.
    """
    return torch.view_as_real(torch.fft.rfft2(sr - hr, norm="ortho")).abs().mean()
