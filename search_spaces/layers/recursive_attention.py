"""The two kinds of attention of RGT: in windows, and to a recursively shrunk image (arXiv 2303.06373)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.layers.conv import conv
from search_spaces.layers.window import HeightWidth, PositionBias, merge, partition, roll, shift_mask

SHRINK = 4
"""Factor by which one recursion shrinks each side of the image."""


class DynamicPosition(nn.Module):
    """One score per head for every distance between two pixels of a window, computed by a small network.

    () → [heads, pixels, pixels].
    """

    offsets: Tensor
    index: Tensor

    def __init__(self, width: int, heads: int, window: HeightWidth) -> None:
        super().__init__()
        inner = max(1, width // 16)
        down, right = (torch.arange(1 - side, side, dtype=torch.float32) for side in window)
        self.register_buffer("offsets", torch.cartesian_prod(down, right), persistent=False)
        self.register_buffer("index", PositionBias(1, window).index, persistent=False)
        self.project = nn.Linear(2, inner)
        self.layers = nn.Sequential(*(_normed_linear(inner, outputs) for outputs in (inner, inner, heads)))

    def forward(self) -> Tensor:
        """Return the scores [heads, pixels, pixels]."""
        return self.layers(self.project(self.offsets))[self.index].permute(2, 0, 1)


def _normed_linear(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.LayerNorm(inputs), nn.ReLU(), nn.Linear(inputs, outputs))


class RectangleAttention(nn.Module):
    """Attention in windows of one shape, from given queries, keys and values.

    With `shifted`, the windows are shifted by half a window.
    """

    def __init__(self, width: int, heads: int, window: HeightWidth, *, shifted: bool) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        self.shift = (window[0] // 2, window[1] // 2) if shifted else (0, 0)
        self.position = DynamicPosition(width, heads, window)

    def forward(self, qkv: Tensor) -> Tensor:
        """[3, N, H, W, width] → [N, H, W, width]; H and W are multiples of the window's sides."""
        size = (qkv.shape[2], qkv.shape[3])
        back = (-self.shift[0], -self.shift[1])
        rolled = [roll(part, back) for part in qkv.unbind(0)]
        q, k, v = (self._split(partition(part, self.window)) for part in rolled)
        scores = q * q.shape[-1] ** -0.5 @ k.transpose(-2, -1) + self.position()
        if any(self.shift):
            scores = scores + shift_mask(rolled[0][:1], self.window, self.shift)[:, None]
        mixed = (scores.softmax(dim=-1) @ v).transpose(2, 3).flatten(3)
        return roll(merge(mixed, self.window, size), self.shift)

    def _split(self, windows: Tensor) -> Tensor:
        """[N, windows, pixels, width] → [N, windows, heads, pixels, width of a head]."""
        return windows.unflatten(3, (self.heads, -1)).transpose(2, 3)


class LocalAttention(nn.Module):
    """Half of the channels attend in windows of one shape, half in the transposed shape; plus a depthwise 3x3."""

    def __init__(self, width: int, heads: int, window: HeightWidth, *, shifted: bool) -> None:
        super().__init__()
        self.multiple = max(window)
        self.qkv = nn.Linear(width, 3 * width)
        self.attentions = nn.ModuleList(
            RectangleAttention(width // 2, heads // 2, shape, shifted=shifted) for shape in (window, window[::-1])
        )
        self.local = conv(width, width, groups=width)
        self.project = nn.Linear(width, width)

    def forward(self, features: Tensor) -> Tensor:
        """[N, H, W, width] → the same shape."""
        height, width = features.shape[1:3]
        qkv = self.qkv(features).unflatten(3, (3, -1)).movedim(3, 0)
        missing = [(side + self.multiple - 1) // self.multiple * self.multiple - side for side in (width, height)]
        # Padded after the projection, as by the authors: padded pixels are zero, but others may attend to them.
        padded = F.pad(qkv, (0, 0, 0, missing[0], 0, missing[1])).chunk(2, dim=-1)
        halves = [attention(half) for attention, half in zip(self.attentions, padded, strict=True)]
        local = self.local(qkv[2].movedim(3, 1)).movedim(1, 3)
        return self.project(torch.cat(halves, dim=-1)[:, :height, :width] + local)


class GlobalAttention(nn.Module):
    """Every pixel attends to a whole small image, made by applying one strided convolution repeatedly.

    Queries and keys have `key_width` channels per head, fewer than the values.
    """

    def __init__(self, width: int, heads: int, key_width: int, recursions: int) -> None:
        super().__init__()
        keys = heads * key_width
        self.heads, self.recursions = heads, recursions
        self.shrink = nn.Conv2d(width, width, SHRINK, SHRINK, groups=width)
        self.small = nn.Sequential(conv(width, width, groups=width), conv(width, keys, 1))
        self.norm = nn.LayerNorm(keys)
        self.q, self.k, self.v = nn.Linear(width, keys), nn.Linear(keys, keys), nn.Linear(keys, width)
        self.position = conv(width, width, groups=width)
        self.project = nn.Linear(width, width)

    def forward(self, features: Tensor) -> Tensor:
        """[N, H, W, width] → the same shape; H and W are at least 4 to the power of the recursions."""
        small = features.movedim(3, 1)
        for _ in range(self.recursions):
            small = self.shrink(small)
        small = F.gelu(self.norm(self.small(small).movedim(1, 3)))
        values = self.v(small)
        values = values + self.position(values.movedim(3, 1)).movedim(1, 3)
        q, k, v = (self._split(part) for part in (self.q(features), self.k(small), values))
        scores = (q @ k.transpose(-2, -1)) * k.shape[-1] ** -0.5
        mixed = (scores.softmax(dim=-1) @ v).transpose(1, 2).reshape(features.shape)
        return self.project(mixed)

    def _split(self, features: Tensor) -> Tensor:
        """[N, H, W, width] → [N, heads, H·W, width of a head]."""
        return features.flatten(1, 2).unflatten(2, (self.heads, -1)).transpose(1, 2)
