"""RGT: attention in windows and, by turns, to all of a recursively shrunk image (Chen et al., arXiv 2303.06373).

The network: a 3x3 head; layer normalisation; groups of pairs of blocks and a 3x3 convolution with a skip around each;
layer normalisation; a 3x3 with a skip from the head; a 3x3 to 64 channels, leaky ReLU, a convolution and pixel shuffle
for each factor of the scale, a 3x3. Each block is attention, then a gated feed-forward layer, each with a skip, and a
learned share of the block's input on top. The first block of a pair attends within windows, half of its channels in
wide ones and half in high ones; the second lets each pixel look at the image shrunk to a sixteenth. A colour mean is
taken away and given back; there is no global skip.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.choices import Choice, Choices, Values, read_choices
from search_spaces.layers.conv import conv
from search_spaces.layers.mean_shift import MeanShift
from search_spaces.layers.upsample import PixelShuffleSteps
from search_spaces.layers.window import PositionBias, Size, merge, partition, roll, shift_mask
from search_spaces.part import Part
from search_spaces.published import Claim, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register

TAIL_WIDTH = 64
"""Channels of the tail, whatever the width of the body."""
SHARE = 1e-4
"""What share of its input a block adds to its output at the start of training."""
SHRINK = 4
"""How many times one recursion shrinks the image."""


@dataclass(frozen=True)
class RgtChoices:
    """The choices of `rgt`: `groups` of `pairs` of blocks, twice `head_pairs` heads of `head_width` channels each."""

    image_skip: bool
    groups: int
    pairs: int
    head_pairs: int
    head_width: int
    expansion: int
    window_short_log2: int
    window_long_log2: int
    key_width: int
    recursions: int

    @property
    def heads(self) -> int:
        """Heads of an attention."""
        return 2 * self.head_pairs

    @property
    def width(self) -> int:
        """Channels of the features."""
        return self.heads * self.head_width

    @property
    def hidden(self) -> int:
        """Channels within a feed-forward layer."""
        return self.expansion * self.width

    @property
    def window(self) -> Size:
        """The short and the long side of a window."""
        return 1 << self.window_short_log2, 1 << self.window_long_log2


class DynamicPosition(nn.Module):
    """A score a head for every distance between two pixels of a window, from a small network: () → [heads, P, P]."""

    offsets: Tensor
    index: Tensor

    def __init__(self, width: int, heads: int, window: Size) -> None:
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
    """Attention in windows of one shape, rolled by half a window where shifted, to queries, keys and values given."""

    def __init__(self, width: int, heads: int, window: Size, *, shifted: bool) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        self.shift = (window[0] // 2, window[1] // 2) if shifted else (0, 0)
        self.position = DynamicPosition(width, heads, window)

    def forward(self, qkv: Tensor) -> Tensor:
        """[3, N, H, W, width] → [N, H, W, width]; H and W are multiples of the window's."""
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
    """Half of the channels look around in windows of one shape, half in that shape turned; plus a depthwise 3x3."""

    def __init__(self, width: int, heads: int, window: Size, *, shifted: bool) -> None:
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
        # As the authors do, after the projection: what is padded has no features, but pixels may look at it.
        padded = F.pad(qkv, (0, 0, 0, missing[0], 0, missing[1])).chunk(2, dim=-1)
        halves = [attention(half) for attention, half in zip(self.attentions, padded, strict=True)]
        local = self.local(qkv[2].movedim(3, 1)).movedim(1, 3)
        return self.project(torch.cat(halves, dim=-1)[:, :height, :width] + local)


class GlobalAttention(nn.Module):
    """Every pixel looks at all of a small image, which one strided convolution, applied again and again, makes.

    Queries and keys are narrower than values: `key_width` a head.
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


class GatedForward(nn.Module):
    """Linear to `hidden`, GELU, one half times a depthwise 3x3 of the other, normalised, linear back."""

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
        self.forwards = GatedForward(width, hidden)
        self.share = nn.Parameter(torch.full((width,), SHARE))

    def forward(self, features: Tensor) -> Tensor:
        """[N, H, W, width] → the same shape."""
        mixed = features + self.attention(self.norm1(features))
        mixed = mixed + self.forwards(self.norm2(mixed))
        return mixed + features * self.share


class RgtGroup(nn.Module):
    """Blocks, then a 3x3 convolution; a skip around all."""

    def __init__(self, blocks: Sequence[nn.Module], width: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)
        self.conv = conv(width, width)

    def forward(self, features: Tensor) -> Tensor:
        """[N, H, W, width] → the same shape."""
        mixed = self.blocks(features).movedim(3, 1)
        return features + self.conv(mixed).movedim(1, 3)


class RgtNetwork(nn.Module):
    """Head, groups, tail; around them the colour mean unless the image is skipped."""

    def __init__(self, chosen: RgtChoices, scale: int, channels: int) -> None:
        super().__init__()
        width = chosen.width
        self.shift = None if chosen.image_skip else MeanShift(channels)
        self.head = conv(channels, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        groups = []
        for group in range(chosen.groups):
            blocks = []
            for pair in range(chosen.pairs):
                shifted = (group + pair) % 2 == 1
                blocks.append(_local_block(width, chosen.hidden, chosen.heads, *chosen.window, shifted))
                blocks.append(_global_block(width, chosen.hidden, chosen.heads, chosen.key_width, chosen.recursions))
            groups.append(RgtGroup(blocks, width))
        self.groups = nn.Sequential(*groups)
        self.body_end = conv(width, width)
        self.tail = _tail(width, channels, scale)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        return self._computed(image) if self.shift is None else self.shift.back(self._computed(self.shift(image)))

    def _computed(self, image: Tensor) -> Tensor:
        head = self.head(image)
        body = self.norm2(self.groups(self.norm1(head.movedim(1, 3)))).movedim(3, 1)
        return self.tail(self.body_end(body) + head)


def _local_block(width: int, hidden: int, heads: int, short: int, long: int, shifted: bool) -> RgtBlock:
    return RgtBlock(width, hidden, LocalAttention(width, heads, (short, long), shifted=shifted))


def _global_block(width: int, hidden: int, heads: int, key_width: int, recursions: int) -> RgtBlock:
    return RgtBlock(width, hidden, GlobalAttention(width, heads, key_width, recursions))


def _tail(width: int, channels: int, scale: int) -> nn.Sequential:
    before = nn.Sequential(conv(width, TAIL_WIDTH), nn.LeakyReLU())
    return nn.Sequential(before, PixelShuffleSteps(TAIL_WIDTH, scale), conv(TAIL_WIDTH, channels))


class _ChannelsLast(nn.Module):
    """A module of [N, H, W, C] on [N, C, H, W], to be counted as a part."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, features: Tensor) -> Tensor:
        return self.module(features.movedim(1, 3)).movedim(3, 1)


def _local_part(width: int, hidden: int, heads: int, short: int, long: int) -> nn.Module:
    """Return a block of local attention to be counted; shifted windows cost the same."""
    return _ChannelsLast(_local_block(width, hidden, heads, short, long, shifted=False))


def _global_part(width: int, hidden: int, heads: int, key_width: int, recursions: int) -> nn.Module:
    return _ChannelsLast(_global_block(width, hidden, heads, key_width, recursions))


def _norm_part(width: int) -> nn.Module:
    return _ChannelsLast(nn.LayerNorm(width))


def point(groups: int) -> dict[str, Choice]:
    """Return the choices of the authors' networks, which differ in depth alone."""
    attention: dict[str, Choice] = {"head_pairs": 3, "head_width": 30, "key_width": 15, "recursions": 2}
    windows: dict[str, Choice] = {"window_short_log2": 3, "window_long_log2": 5}
    return {"image_skip": False, "groups": groups, "pairs": 3, "expansion": 2, **attention, **windows}


@register
class Rgt(SkippedSpace):
    """Depth at two levels, heads and their widths, both windows, and how small the image for global attention is.

    The authors shrink images of 1024 pixels and more once more; here the recursions are a choice, whatever the size.
    """

    name: ClassVar[str] = "rgt"
    summary: ClassVar[str] = "window attention and global attention to a shrunk image, by turns (2023)"
    minimum_side: ClassVar[int] = SHRINK**2  # after two recursions one pixel is left
    own_options: ClassVar[dict[str, Values]] = {
        "groups": range(1, 9),
        "pairs": range(1, 5),
        "head_pairs": range(1, 5),
        "head_width": range(6, 37, 6),
        "expansion": range(1, 5),
        "window_short_log2": range(2, 4),
        "window_long_log2": range(3, 6),
        "key_width": range(5, 31, 5),
        "recursions": range(1, 3),
    }
    smallest: ClassVar[Choices] = {
        "image_skip": False,
        "groups": 1,
        "pairs": 1,
        "head_pairs": 1,
        "head_width": 6,
        "expansion": 1,
        "window_short_log2": 2,
        "window_long_log2": 3,
        "key_width": 5,
        "recursions": 2,
    }
    published: ClassVar = {
        "RGT-S": Published(
            point(6), Claim("arXiv 2303.06373", psnr=38.56, note="its figures are of x4: 10.20M, 193.08G for 512x512")
        ),
        "RGT": Published(
            point(8), Claim("arXiv 2303.06373", psnr=38.59, note="its figures are of x4: 13.37M, 251.07G for 512x512")
        ),
    }
    authors_names: ClassVar = (
        (r".*\.(rpe_biases|relative_position_index|attn_mask_[01])$", ""),
        (r"^conv_first\.", "head."),
        (r"^before_RG\.1\.", "norm1."),
        (r"^norm\.", "norm2."),
        (r"^conv_after_body\.", "body_end."),
        (r"^conv_before_upsample\.0\.", "tail.0.0."),
        (r"^upsample\.", "tail.1."),
        (r"^conv_last\.", "tail.2."),
        (r"^layers\.", "groups."),
        (r"\.gamma$", ".share"),
        (r"\.mlp\.fc1\.", ".forwards.expand."),
        (r"\.mlp\.fc2\.", ".forwards.project."),
        (r"\.mlp\.sg\.norm\.", ".forwards.norm."),
        (r"\.mlp\.sg\.conv\.", ".forwards.gate."),
        (r"\.attn\.", ".attention."),
        (r"\.attention\.proj\.", ".attention.project."),
        (r"\.attention\.get_v\.", ".attention.local."),
        (r"\.attns\.", ".attentions."),
        (r"\.pos\.pos_proj\.", ".position.project."),
        *((rf"\.pos\.pos{layer + 1}\.", f".position.layers.{layer}.") for layer in range(3)),
        (r"\.attention\.reduction1\.", ".attention.shrink."),
        (r"\.attention\.dwconv\.", ".attention.small.0."),
        (r"\.attention\.conv\.", ".attention.small.1."),
        (r"\.attention\.norm_act\.0\.", ".attention.norm."),
        (r"\.attention\.cpe\.", ".attention.position."),
    )

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution; see `RgtNetwork`."""
        network = RgtNetwork(read_choices(RgtChoices, choices), scale, channels)
        return network, network.tail[-1]

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part]:
        """Return head, norms, blocks, the convolutions between them and tail."""
        chosen = read_choices(RgtChoices, choices)
        width, heads, pairs = chosen.width, chosen.heads, chosen.groups * chosen.pairs
        local_block = (width, chosen.hidden, heads, *chosen.window)
        global_block = (width, chosen.hidden, heads, chosen.key_width, chosen.recursions)
        return [
            Part(conv, (channels, width), channels),
            Part(_norm_part, (width,), width, repeats=2),
            Part(_local_part, local_block, width, repeats=pairs),
            Part(_global_part, global_block, width, repeats=pairs),
            Part(conv, (width, width), width, repeats=chosen.groups + 1),
            Part(_tail, (width, channels, scale), width),
        ]
