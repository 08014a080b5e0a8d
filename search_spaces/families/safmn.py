"""SAFMN: spatially-adaptive feature modulation (Sun et al., arXiv 2302.13800).

The network: a 3x3 head; blocks of two normalised residual halves, the modulation of `layers/modulation.py` and a mixer
of a 3x3 convolution to `expansion` times the width, GELU and a 1x1 back; a skip around all blocks; one convolution and
a pixel shuffle. There is no global skip from the image.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from search_spaces.choices import Choices, Values, read_choices
from search_spaces.layers.channel_norm import ChannelNorm
from search_spaces.layers.conv import conv
from search_spaces.layers.modulation import SpatialModulation
from search_spaces.layers.upsample import PixelShuffleDirect
from search_spaces.part import Part
from search_spaces.published import COLOUR, Claim, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register


@dataclass(frozen=True)
class SafmnChoices:
    """The choices of `safmn`: `levels` parts of `level_width` channels each."""

    image_skip: bool
    level_width: int
    levels: int
    blocks: int
    expansion: int
    mixer_kernel: int

    @property
    def width(self) -> int:
        """Number of channels of the features."""
        return self.levels * self.level_width


class ModulatedBlock(nn.Module):
    """x + modulation(norm x), then x + mixer(norm x)."""

    def __init__(self, width: int, levels: int, expansion: int, kernel: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = ChannelNorm(width), ChannelNorm(width)
        self.modulation = SpatialModulation(width, levels)
        self.mixer = nn.Sequential(conv(width, expansion * width, kernel), nn.GELU(), conv(expansion * width, width, 1))

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        features = features + self.modulation(self.norm1(features))
        return features + self.mixer(self.norm2(features))


class SafmnNetwork(nn.Module):
    """Head, blocks with a skip around them, a pixel shuffle."""

    def __init__(self, chosen: SafmnChoices, scale: int, channels: int) -> None:
        super().__init__()
        width = chosen.width
        self.head = conv(channels, width)
        blocks = []
        for _ in range(chosen.blocks):
            blocks.append(ModulatedBlock(width, chosen.levels, chosen.expansion, chosen.mixer_kernel))
        self.blocks = nn.Sequential(*blocks)
        self.tail = PixelShuffleDirect(width, channels, scale)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        head = self.head(image)
        return self.tail(self.blocks(head) + head)


def point(level_width: int, blocks: int) -> dict[str, int | bool]:
    """Return the choices of the authors' networks, which differ only in size."""
    fixed = {"image_skip": False, "levels": 4, "expansion": 2, "mixer_kernel": 3}
    return {**fixed, "level_width": level_width, "blocks": blocks}


@register
class Safmn(SkippedSpace):
    """The network is `levels` times `level_width` wide, since each level takes an equal part of the channels."""

    name: ClassVar[str] = "safmn"
    summary: ClassVar[str] = "features modulated by coarser copies of themselves (2023)"
    own_options: ClassVar[dict[str, Values]] = {
        "level_width": range(4, 33),
        "levels": range(1, 5),
        "blocks": range(1, 17),
        "expansion": range(1, 4),
        "mixer_kernel": range(1, 4, 2),
    }
    smallest: ClassVar[Choices] = {
        "image_skip": False,
        "level_width": 4,
        "levels": 1,
        "blocks": 1,
        "expansion": 1,
        "mixer_kernel": 1,
    }
    published: ClassVar = {
        "SAFMN": Published(
            point(9, 8),
            Claim(
                "arXiv 2302.13800, table 1", 228_000, 52_000_000_000, 38.00, params_counted=COLOUR, macs_counted=COLOUR
            ),
        ),
        "SAFMN-L": Published(
            point(32, 16), Claim("arXiv 2302.13800, table of large networks", 5_560_000, 1_274_000_000_000, 38.28)
        ),
    }
    authors_names: ClassVar = (
        (r"^to_feat\.", "head."),
        (r"^to_img\.", "tail."),
        (r"^feats\.", "blocks."),
        (r"\.safm\.mfr\.", ".modulation.levels."),
        (r"\.safm\.aggr\.", ".modulation.mix."),
        (r"\.ccm\.ccm\.", ".mixer."),
    )

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution; see `SafmnNetwork`."""
        network = SafmnNetwork(read_choices(SafmnChoices, choices), scale, channels)
        return network, network.tail.last

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part]:
        """Return head, blocks and tail."""
        chosen = read_choices(SafmnChoices, choices)
        width = chosen.width
        block = (width, chosen.levels, chosen.expansion, chosen.mixer_kernel)
        return [
            Part(conv, (channels, width), channels),
            Part(ModulatedBlock, block, width, repeats=chosen.blocks),
            Part(PixelShuffleDirect, (width, channels, scale), width),
        ]
