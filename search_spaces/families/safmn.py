"""SAFMN: spatially-adaptive feature modulation (Sun et al., arXiv 2302.13800).

The network: a 3x3 head; blocks of two normalised residual halves, the modulation of `layers/modulation.py` and a mixer
of a 3x3 convolution to `expansion` times the width, GELU and a 1x1 back; a skip around all blocks; one convolution and
a pixel shuffle. There is no global skip from the image.
"""

from collections.abc import Sequence
from typing import ClassVar, cast

from torch import Tensor, nn

from search_spaces.choices import Choices, Values
from search_spaces.layers.channel_norm import ChannelNorm
from search_spaces.layers.conv import conv
from search_spaces.layers.modulation import SpatialModulation
from search_spaces.layers.upsample import PixelShuffleDirect
from search_spaces.part import Part
from search_spaces.published import Claim, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register


class ModulatedBlock(nn.Module):
    """x + modulation(norm x), then x + mixer(norm x)."""

    def __init__(self, width: int, levels: int, expansion: int, kernel: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = ChannelNorm(width), ChannelNorm(width)
        self.modulation = SpatialModulation(width, levels)
        self.mixer = nn.Sequential(conv(width, expansion * width, kernel), nn.GELU(), conv(expansion * width, width, 1))

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        features = features + cast(Tensor, self.modulation(self.norm1(features)))
        return features + cast(Tensor, self.mixer(self.norm2(features)))


class SafmnNetwork(nn.Module):
    """Head, blocks with a skip around them, a pixel shuffle."""

    def __init__(self, choices: Choices, scale: int, channels: int) -> None:
        super().__init__()
        width, *_ = block = _block(choices)
        self.head = conv(channels, width)
        self.blocks = nn.Sequential(*(ModulatedBlock(*block) for _ in range(int(choices["blocks"]))))
        self.tail = PixelShuffleDirect(width, channels, scale)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        head = cast(Tensor, self.head(image))
        return cast(Tensor, self.tail(self.blocks(head) + head))


def _block(choices: Choices) -> tuple[int, int, int, int]:
    """Return width, levels, expansion and mixer's kernel."""
    levels = int(choices["levels"])
    return levels * int(choices["level_width"]), levels, int(choices["expansion"]), int(choices["mixer_kernel"])


def point(level_width: int, blocks: int) -> dict[str, int | bool]:
    """Return the choices of the authors' networks, which differ in size alone."""
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
            point(9, 8), Claim("arXiv 2302.13800, table 1", 228_000, 52_000_000_000, 38.00, note="three channels")
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
        network = SafmnNetwork(choices, scale, channels)
        return network, network.tail.last

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part]:
        """Return head, blocks and tail."""
        width, *_ = block = _block(choices)
        return [
            Part(conv, (channels, width), channels),
            Part(ModulatedBlock, block, width, repeats=int(choices["blocks"])),
            Part(PixelShuffleDirect, (width, channels, scale), width),
        ]
