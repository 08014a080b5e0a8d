"""Gates: a map in 0..1 that a network multiplies its own features by."""

import torch
from torch import Tensor, nn

from search_spaces.layers.conv import conv


class ChannelAttention(nn.Module):
    """One factor a channel from its mean over the image (RCAN, arXiv 1807.02758): pool, squeeze, ReLU, expand, sigmoid.

    [N, width, H, W] → the same shape. The factors depend on the whole image.
    """

    def __init__(self, width: int, reduction: int = 16) -> None:
        super().__init__()
        squeezed = max(1, width // reduction)
        self.gate = nn.Sequential(conv(width, squeezed, 1), nn.ReLU(), conv(squeezed, width, 1), nn.Sigmoid())

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        return features * self.gate(self.statistic(features))

    def statistic(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → [N, width, 1, 1]: what the factors are computed from."""
        return features.mean(dim=(2, 3), keepdim=True)


class ContrastAttention(ChannelAttention):
    """Channel attention on standard deviation plus mean (IMDN, arXiv 1909.11856)."""

    def statistic(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → [N, width, 1, 1]: what the factors are computed from."""
        mean = features.mean(dim=(2, 3), keepdim=True)
        variance = (features - mean).square().mean(dim=(2, 3), keepdim=True)
        # The square root of exactly zero, a flat channel, has no gradient.
        return mean + torch.sqrt(variance.clamp_min(1e-12))


class PixelAttention(nn.Module):
    """One factor a pixel and channel from a 1x1 convolution (PAN, arXiv 2010.01073)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = conv(width, width, 1)

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        return features * torch.sigmoid(self.conv(features))
