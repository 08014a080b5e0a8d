"""Gates: a map in 0..1 that a network multiplies its own features by."""

import torch
from torch import Tensor, nn

from search_spaces.layers.conv import conv


class ChannelAttention(nn.Module):
    """One factor per channel, from the channel's mean over the image (RCAN, arXiv 1807.02758).

    The factors come from the mean by a 1x1 convolution to fewer channels, ReLU, a 1x1 back and a sigmoid. They depend
    on the whole image. [N, width, H, W] → the same shape.
    """

    def __init__(self, width: int, reduction: int = 16) -> None:
        super().__init__()
        squeezed = max(1, width // reduction)
        self.gate = nn.Sequential(conv(width, squeezed, 1), nn.ReLU(), conv(squeezed, width, 1), nn.Sigmoid())

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        return features * self.gate(self.statistic(features))

    def statistic(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → [N, width, 1, 1], the input of the gate."""
        return features.mean(dim=(2, 3), keepdim=True)


class ContrastAttention(ChannelAttention):
    """Channel attention on standard deviation plus mean (IMDN, arXiv 1909.11856)."""

    def statistic(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → [N, width, 1, 1], the input of the gate."""
        mean = features.mean(dim=(2, 3), keepdim=True)
        variance = (features - mean).square().mean(dim=(2, 3), keepdim=True)
        # A flat channel has variance zero, where the square root has no gradient.
        return mean + torch.sqrt(variance.clamp_min(1e-12))


class PixelAttention(nn.Module):
    """One factor per pixel and channel, from a 1x1 convolution (PAN, arXiv 2010.01073)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = conv(width, width, 1)

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        return features * torch.sigmoid(self.conv(features))
