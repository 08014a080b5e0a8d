"""The blocks of RGT: attention, then a gated feed-forward layer, and groups of such blocks (arXiv 2303.06373)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.layers.conv import conv

SHARE = 1e-4
"""Share of its input that a block adds to its output at the start of training."""


class RgtForward(nn.Module):
    """Linear to `hidden`, GELU, one half times a depthwise 3x3 of the normalised other half, linear back."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.expand = nn.Linear(width, hidden)
        self.norm = nn.LayerNorm(hidden // 2)
        self.gate = conv(hidden // 2, hidden // 2, groups=hidden // 2)
        self.project = nn.Linear(hidden // 2, width)

    def forward(self, features: Tensor) -> Tensor:
        """[N, H, W, width] → the same shape."""
        kept, gate = F.gelu(self.expand(features)).chunk(2, dim=-1)
        gate = self.gate(self.norm(gate).movedim(3, 1)).movedim(1, 3)
        return self.project(kept * gate)


class RgtBlock(nn.Module):
    """x + attention(norm x), x + forward(norm x), and a learned share of the block's input: [N, H, W, width]."""

    def __init__(self, width: int, hidden: int, attention: nn.Module) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = attention
        self.forwards = RgtForward(width, hidden)
        self.share = nn.Parameter(torch.full((width,), SHARE))

    def forward(self, features: Tensor) -> Tensor:
        """[N, H, W, width] → the same shape."""
        mixed = features + self.attention(self.norm1(features))
        mixed = mixed + self.forwards(self.norm2(mixed))
        return mixed + features * self.share


class RgtGroup(nn.Module):
    """Blocks, then a 3x3 convolution; a skip around both."""

    def __init__(self, blocks: Sequence[nn.Module], width: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)
        self.conv = conv(width, width)

    def forward(self, features: Tensor) -> Tensor:
        """[N, H, W, width] → the same shape."""
        mixed = self.blocks(features).movedim(3, 1)
        return features + self.conv(mixed).movedim(1, 3)
