"""RCAN: residual channel attention (Zhang et al., arXiv 1807.02758).

The network: a 3x3 head; groups of residual blocks, each of two convolutions and a gate per channel; a convolution after
the blocks of a group and one after the groups; a skip around each block, each group and all groups; the tail of EDSR.
Images are in 0..255 minus a colour mean, and there is no global skip.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from search_spaces.choices import Choices, Values, read_choices
from search_spaces.layers.attention import ChannelAttention
from search_spaces.layers.conv import conv
from search_spaces.layers.mean_shift import RANGE, MeanShift, around
from search_spaces.layers.upsample import PixelShuffleSteps
from search_spaces.part import Part
from search_spaces.published import ARTICLE, UNEXPLAINED, Claim, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register


@dataclass(frozen=True)
class RcanChoices:
    """The choices of `rcan`: `groups` of `blocks`."""

    image_skip: bool
    width: int
    groups: int
    blocks: int
    reduction_log2: int

    @property
    def reduction(self) -> int:
        """Factor by which a channel attention narrows the channels inside."""
        return 1 << self.reduction_log2


class AttentiveBlock(nn.Module):
    """x + (conv, ReLU, conv, channel attention)."""

    def __init__(self, width: int, reduction: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(width, width), nn.ReLU(), conv(width, width), ChannelAttention(width, reduction))

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        return features + self.body(features)


class AttentiveGroup(nn.Module):
    """x + a chain of parts that ends in a convolution."""

    def __init__(self, parts: Sequence[nn.Module], width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*parts, conv(width, width))

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        return features + self.body(features)


class RcanNetwork(nn.Module):
    """Head, a group of groups of blocks, tail; colour mean and range around them unless `image_skip` is on."""

    def __init__(self, chosen: RcanChoices, scale: int, channels: int) -> None:
        super().__init__()
        width = chosen.width
        self.shift = None if chosen.image_skip else MeanShift(channels, spread=RANGE)
        self.head = conv(channels, width)
        groups = []
        for _ in range(chosen.groups):
            blocks = [AttentiveBlock(width, chosen.reduction) for _ in range(chosen.blocks)]
            groups.append(AttentiveGroup(blocks, width))
        self.groups = AttentiveGroup(groups, width)
        self.tail = _tail(width, channels, scale)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        return around(self.shift, self._computed, image)

    def _computed(self, image: Tensor) -> Tensor:
        return self.tail(self.groups(self.head(image)))


def _tail(width: int, channels: int, scale: int) -> nn.Sequential:
    return nn.Sequential(PixelShuffleSteps(width, scale), conv(width, channels))


@register
class Rcan(SkippedSpace):
    """Width, depth at two levels, and how far the channel attention narrows its statistics."""

    name: ClassVar[str] = "rcan"
    summary: ClassVar[str] = "groups of residual blocks with channel attention (2018)"
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(8, 81, 8),
        "groups": range(1, 11),
        "blocks": range(1, 21),
        "reduction_log2": range(1, 6),
    }
    smallest: ClassVar[Choices] = {"image_skip": False, "width": 8, "groups": 1, "blocks": 1, "reduction_log2": 5}
    published: ClassVar = {
        "RCAN": Published(
            {"image_skip": False, "width": 64, "groups": 10, "blocks": 20, "reduction_log2": 4},
            Claim("arXiv 1807.02758, figures of arXiv 2302.13800", 15_450_000, 3_530_000_000_000, 38.27),
        ),
        "RCAN-slim": Published(
            {"image_skip": False, "width": 16, "groups": 2, "blocks": 7, "reduction_log2": 4},
            Claim("none: after the slim RCAN of the " + ARTICLE),
            Claim(
                ARTICLE,
                80_603,
                20_135_000_000,
                note="its layout can't be recovered: no standard RCAN has both figures; this point is near both",
                params_counted=UNEXPLAINED,
                macs_counted=UNEXPLAINED,
            ),
        ),
    }
    authors_names: ClassVar = (
        (r"^(sub|add)_mean\..*", ""),
        (r"^head\.0\.", "head."),
        (r"^body\.", "groups.body."),
        (r"\.conv_du\.", ".gate."),
    )

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution; see `RcanNetwork`."""
        network = RcanNetwork(read_choices(RcanChoices, choices), scale, channels)
        return network, network.tail[-1]

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part]:
        """Return head, blocks, the convolutions between them and tail."""
        chosen = read_choices(RcanChoices, choices)
        width, groups = chosen.width, chosen.groups
        return [
            Part(conv, (channels, width), channels),
            Part(AttentiveBlock, (width, chosen.reduction), width, repeats=groups * chosen.blocks),
            Part(conv, (width, width), width, repeats=groups + 1),
            Part(_tail, (width, channels, scale), width),
        ]
