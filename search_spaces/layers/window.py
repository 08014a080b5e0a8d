"""Self-attention within windows of an image (Swin, arXiv 2103.14030), and the cutting of an image into windows.

Arithmetic on the shapes, without a branch, handles any height and width, so that an exported network takes images of
any size. Products are plain matrix products, so that they are counted.
"""

import torch
from torch import Tensor, nn

from search_spaces.layers.channel_norm import ChannelNorm
from search_spaces.layers.conv import conv

HeightWidth = tuple[int, int]
"""Height and width."""

MASKED = -100.0
"""Added to the score of two pixels that are not neighbours in the image: e^-100 is negligible."""


def pad_to_multiple(image: Tensor, multiple: HeightWidth) -> Tensor:
    """[N, C, H, W] → the same with rows and columns added below and right, up to multiples of `multiple`.

    The image is mirrored about its last row and column, repeatedly if it is smaller than the padding.
    """
    for axis, step in zip((2, 3), multiple, strict=True):
        size = image.shape[axis]
        padded = (size + step - 1) // step * step
        # A tensor, since exporters can't take remainders by a number that depends on the size.
        period = torch.full((1,), 2 * size - 2, device=image.device).clamp_min(1)
        turn = torch.arange(padded, device=image.device) % period
        image = image.index_select(axis, size - 1 - (turn - (size - 1)).abs())
    return image


class Padded(nn.Module):
    """Pads the image of a module, so that the module is counted alone: [N, C, H, W] of any size → its output."""

    def __init__(self, module: nn.Module, multiple: int) -> None:
        super().__init__()
        self.module, self.multiple = module, (multiple, multiple)

    def forward(self, features: Tensor) -> Tensor:
        """[N, C, H, W] → the output of the module for the padded image."""
        return self.module(pad_to_multiple(features, self.multiple))


def partition(features: Tensor, window: HeightWidth) -> Tensor:
    """[N, H, W, C] → [N, windows, pixels of a window, C], both row by row. The window's sides divide H and W."""
    n, height, width, channels = features.shape
    rows, columns = height // window[0], width // window[1]
    cut = features.reshape(n, rows, window[0], columns, window[1], channels).transpose(2, 3)
    return cut.reshape(n, rows * columns, window[0] * window[1], channels)


def merge(windows: Tensor, window: HeightWidth, size: HeightWidth) -> Tensor:
    """Undo `partition`: [N, windows, pixels of a window, C] → [N, H, W, C], where `size` is (H, W)."""
    n, channels = windows.shape[0], windows.shape[3]
    rows, columns = size[0] // window[0], size[1] // window[1]
    cut = windows.reshape(n, rows, columns, window[0], window[1], channels).transpose(2, 3)
    return cut.reshape(n, rows * window[0], columns * window[1], channels)


def roll(features: Tensor, shift: HeightWidth) -> Tensor:
    """[N, H, W, C] → the same shape, moved down and right by `shift`; pixels that leave enter at the other side."""
    return torch.roll(features, shift, dims=(1, 2)) if any(shift) else features


def shift_mask(features: Tensor, window: HeightWidth, shift: HeightWidth) -> Tensor:
    """[N, H, W, C] → [windows, pixels, pixels]: `MASKED` if only rolling brought two pixels of a window together.

    Add the mask to the scores of windows after the features were rolled up and left by `shift`.
    """
    below = [
        torch.arange(length, device=features.device).ge(length - s).to(features.dtype)
        for length, s in zip(features.shape[1:3], shift, strict=True)
    ]
    area = (2 * below[0][:, None] + below[1])[None, :, :, None]
    area = partition(area, window).squeeze(0).squeeze(-1)
    return MASKED * (area[:, :, None] != area[:, None, :]).to(features.dtype)


class PositionBias(nn.Module):
    """One learned score per head for every distance between two pixels of a window: () → [heads, pixels, pixels]."""

    index: Tensor

    def __init__(self, heads: int, window: HeightWidth) -> None:
        super().__init__()
        height, width = window
        self.table = nn.Parameter(torch.empty((2 * height - 1) * (2 * width - 1), heads))
        nn.init.normal_(self.table, std=0.02)
        y, x = torch.arange(height).repeat_interleave(width), torch.arange(width).repeat(height)
        down, right = y[:, None] - y + height - 1, x[:, None] - x + width - 1
        self.register_buffer("index", down * (2 * width - 1) + right, persistent=False)

    def forward(self) -> Tensor:
        """Return the scores [heads, pixels, pixels]."""
        return self.table[self.index].permute(2, 0, 1)


class WindowAttention(nn.Module):
    """Every pixel attends to all pixels of its window.

    softmax(q·k / √(width of a head) + position bias) · v, then a projection.
    """

    def __init__(self, width: int, heads: int, window: HeightWidth, *, bias: bool = True) -> None:
        super().__init__()
        self.heads = heads
        self.position = PositionBias(heads, window)
        self.qkv = nn.Linear(width, 3 * width, bias=bias)
        self.project = nn.Linear(width, width, bias=bias)

    def forward(self, windows: Tensor, mask: Tensor | None = None) -> Tensor:
        """[N, windows, pixels, width] → the same shape; `mask` is that of `shift_mask`."""
        n, count, pixels, width = windows.shape
        qkv = self.qkv(windows).reshape(n, count, pixels, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(3, 0, 1, 4, 2, 5).unbind(0)
        scores = q * (width // self.heads) ** -0.5 @ k.transpose(-2, -1) + self.position()
        if mask is not None:
            scores = scores + mask[:, None]
        mixed = scores.softmax(dim=-1) @ v
        return self.project(mixed.transpose(2, 3).reshape(n, count, pixels, width))


class WindowBlock(nn.Module):
    """A light transformer layer for any network: x + attention(norm x), then x + feed-forward(norm x).

    Its products have no biases. If every second layer is `shifted` by half a window, the windows of the layers overlap.
    Pixels that meet across the image's border are masked, as in Swin.
    """

    def __init__(self, width: int, heads: int, window: int, *, shifted: bool = False, expansion: int = 2) -> None:
        super().__init__()
        self.window = (window, window)
        self.shift = window // 2 if shifted else 0
        self.norm = ChannelNorm(width)
        self.attention = WindowAttention(width, heads, self.window, bias=False)
        hidden = expansion * width
        self.forwards = nn.Sequential(
            ChannelNorm(width), conv(width, hidden, 1, bias=False), nn.GELU(), conv(hidden, width, 1, bias=False)
        )

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        features = features + self.attend(self.norm(features))
        return features + self.forwards(features)

    def attend(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape: attention in windows that need not divide the image."""
        height, width = features.shape[2:]
        padded = pad_to_multiple(features, self.window).permute(0, 2, 3, 1)
        shift = (self.shift, self.shift)
        mask = shift_mask(padded, self.window, shift) if self.shift else None
        windows = partition(roll(padded, (-self.shift, -self.shift)), self.window)
        mixed = merge(self.attention(windows, mask), self.window, (padded.shape[1], padded.shape[2]))
        return roll(mixed, shift).permute(0, 3, 1, 2)[:, :, :height, :width]
