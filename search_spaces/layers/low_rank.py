"""Convolutions with fewer weights than a dense one of the same reach."""

import torch
from torch import Tensor, nn

from search_spaces.layers.conv import conv


class LowRankConv(nn.Sequential):
    """A convolution of `kernel` x 1 to `inner` features, then one of 1 x `kernel`.

    [N, inputs, H, W] → [N, outputs, H, W]. With `inner` half the width, a third of the weights of a 3x3 convolution
    (NTIRE 2025, efficient super-resolution).
    """

    def __init__(self, inputs: int, inner: int, outputs: int, kernel: int = 3) -> None:
        half = kernel // 2
        super().__init__(
            nn.Conv2d(inputs, inner, (kernel, 1), padding=(half, 0), bias=False),
            nn.Conv2d(inner, outputs, (1, kernel), padding=(0, half)),
        )


class PartialConv(nn.Module):
    """A dense convolution over the first quarter of the channels; the others pass (FasterNet, arXiv 2303.03667).

    With kernels of 9 to 17 pixels, a large reach without a slow depthwise layer (PLKSR, arXiv 2404.11848).
    """

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        part = max(1, width // 4)
        self.widths = [part, width - part]
        self.conv = conv(part, part, kernel)

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        some, others = features.split(self.widths, dim=1)
        return torch.cat([self.conv(some), others], dim=1)
