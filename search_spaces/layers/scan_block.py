"""The blocks and groups of MambaIR: selective scans and convolutions with learned skips (arXiv 2402.15648)."""

import torch
from torch import Tensor, nn

from search_spaces.layers.attention import ChannelAttention
from search_spaces.layers.channel_norm import ChannelNorm
from search_spaces.layers.conv import conv
from search_spaces.layers.scan import SelectiveScan2d

ATTENTION_REDUCTION = 30
"""Factor by which the channel attention narrows the channels inside."""

EPSILON = 1e-5
"""Epsilon of the layer normalisations."""


class ScanBlock(nn.Module):
    """A selective scan, then two convolutions with channel attention; [N, width, H, W] → the same shape."""

    def __init__(self, width: int, inner: int, state: int, squeezed: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(width, EPSILON)
        self.scan = SelectiveScan2d(width, inner, state)
        self.skip = nn.Parameter(torch.ones(width))
        self.local_norm = ChannelNorm(width, EPSILON)
        self.local = nn.Sequential(
            conv(width, squeezed), nn.GELU(), conv(squeezed, width), ChannelAttention(width, ATTENTION_REDUCTION)
        )
        self.local_skip = nn.Parameter(torch.ones(width))

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        features = features * self.skip[:, None, None] + self.scan(self.norm(features))
        return features * self.local_skip[:, None, None] + self.local(self.local_norm(features))


class ScanGroup(nn.Module):
    """Blocks and a convolution with a skip over them; [N, width, H, W] → the same shape."""

    def __init__(self, blocks: list[ScanBlock], width: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)
        self.conv = conv(width, width)

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        return features + self.conv(self.blocks(features))
