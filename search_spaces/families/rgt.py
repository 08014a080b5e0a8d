"""RGT: attention in windows, alternating with attention to a recursively shrunk image (Chen et al., arXiv 2303.06373).

The network: a 3x3 head; layer normalisation; groups of pairs of blocks and a 3x3 convolution with a skip around each;
layer normalisation; a 3x3 with a skip from the head; a 3x3 to 64 channels, leaky ReLU, a convolution and pixel shuffle
for each factor of the scale, a 3x3. Each block is attention, then a gated feed-forward layer, each with a skip, plus a
learned share of the block's input. The first block of a pair attends within windows, half of its channels in
wide ones and half in high ones; the second lets each pixel look at the image shrunk to a sixteenth. A colour mean is
subtracted and added back; there is no global skip.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from search_spaces.choices import Choice, Choices, Values, read_choices
from search_spaces.layers.conv import conv
from search_spaces.layers.mean_shift import MeanShift
from search_spaces.layers.recursive_attention import SHRINK, GlobalAttention, LocalAttention
from search_spaces.layers.recursive_blocks import RgtBlock, RgtGroup
from search_spaces.layers.upsample import PixelShuffleSteps
from search_spaces.layers.window import HeightWidth
from search_spaces.part import Part
from search_spaces.published import Claim, Counting, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register

TAIL_WIDTH = 64
"""Channels of the tail, for every width of the body."""


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
        """Number of heads of an attention."""
        return 2 * self.head_pairs

    @property
    def width(self) -> int:
        """Number of channels of the features."""
        return self.heads * self.head_width

    @property
    def hidden(self) -> int:
        """Number of channels within a feed-forward layer."""
        return self.expansion * self.width

    @property
    def window(self) -> HeightWidth:
        """The short and the long side of a window."""
        return 1 << self.window_short_log2, 1 << self.window_long_log2


class RgtNetwork(nn.Module):
    """Head, groups, tail; around them the colour mean unless `image_skip` is on."""

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
    """A module for [N, H, W, C] applied to [N, C, H, W], so that it can be counted as a part."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, features: Tensor) -> Tensor:
        return self.module(features.movedim(1, 3)).movedim(3, 1)


def _local_part(width: int, hidden: int, heads: int, short: int, long: int) -> nn.Module:
    """Return a block of local attention as a part; shifted windows cost the same."""
    return _ChannelsLast(_local_block(width, hidden, heads, short, long, shifted=False))


def _global_part(width: int, hidden: int, heads: int, key_width: int, recursions: int) -> nn.Module:
    return _ChannelsLast(_global_block(width, hidden, heads, key_width, recursions))


def _norm_part(width: int) -> nn.Module:
    return _ChannelsLast(nn.LayerNorm(width))


def point(groups: int) -> dict[str, Choice]:
    """Return the choices of the authors' networks, which differ only in depth."""
    attention: dict[str, Choice] = {"head_pairs": 3, "head_width": 30, "key_width": 15, "recursions": 2}
    windows: dict[str, Choice] = {"window_short_log2": 3, "window_long_log2": 5}
    return {"image_skip": False, "groups": groups, "pairs": 3, "expansion": 2, **attention, **windows}


def _paper(params: int, macs: int, psnr: float) -> Claim:
    """Return the claim of the paper: the PSNR at x2, the other figures at x4 for an HR image of 512x512."""
    counting = Counting(channels=3, scale=4, lr=(128, 128))
    return Claim("arXiv 2303.06373", params, macs, psnr, params_counted=counting, macs_counted=counting)


@register
class Rgt(SkippedSpace):
    """Depth at two levels, heads and their widths, both window sides, and the size of the image for global attention.

    The authors shrink images of 1024 pixels and more once more; here the number of recursions is a choice for all
    sizes.
    """

    name: ClassVar[str] = "rgt"
    summary: ClassVar[str] = "window attention, alternating with global attention to a shrunk image (2023)"
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
        "RGT-S": Published(point(6), _paper(10_200_000, 193_080_000_000, 38.56)),
        "RGT": Published(point(8), _paper(13_370_000, 251_070_000_000, 38.59)),
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
