"""Undo blur and down-sampling in closed form, by Fourier transforms."""

import torch
from torch import Tensor
from torch.nn import functional as F


def transfer(kernel: Tensor, height: int, width: int) -> Tensor:
    """Return the spectrum [N, C, height, width] of blurring periodic images by `kernel` [N, C, K, K], from its centre.

    A kernel that is larger than the image wraps around it.
    """
    rows, columns = kernel.shape[-2:]
    kernel = F.pad(kernel, (0, -columns % width, 0, -rows % height))
    kernel = torch.unflatten(torch.unflatten(kernel, 3, (-1, width)), 2, (-1, height)).sum(dim=(2, 4))
    spectrum: Tensor = torch.fft.fft2(kernel.roll((-(rows // 2), -(columns // 2)), dims=(2, 3)))
    return spectrum


def fit_to_data(estimate: Tensor, image: Tensor, spectrum: Tensor, weight: Tensor, scale: int = 1) -> Tensor:
    """Return the z that minimises |image - down(blur(z))|² + weight·|z - estimate|², in float32.

    `image` [N, C, h, w]; `estimate` and z [N, C, scale·h, scale·w]; `spectrum` is the blur's (see `transfer`); `weight`
    [N, 1, 1, 1]. Down-sampling keeps the first pixel of each scale x scale block (Zhao et al., arXiv 1510.00143).
    """
    estimate, image = estimate.float(), image.float()
    blurred = torch.fft.ifft2(spectrum * torch.fft.fft2(estimate)).real
    missing = torch.fft.fft2(image - blurred[..., ::scale, ::scale])
    # The power that down-sampling folds onto each frequency of the small image.
    power = spectrum.real.square() + spectrum.imag.square()
    folded = torch.unflatten(torch.unflatten(power, 3, (scale, -1)), 2, (scale, -1)).mean(dim=(2, 4))
    ratio = missing / (folded + weight)
    # Concatenated, since ONNX can't repeat complex tensors.
    periodic = torch.cat([torch.cat([ratio] * scale, dim=3)] * scale, dim=2)
    correction: Tensor = torch.fft.ifft2(spectrum.conj() * periodic).real
    return estimate + correction
