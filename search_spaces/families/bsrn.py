"""BSRN: distillation of blueprint-separable convolutions, and two kinds of attention (Li et al., arXiv 2205.05996).

BSRN-S is the smaller network that won the complexity track of NTIRE 2022.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from search_spaces.choices import Choice, Choices, Values, read_choices
from search_spaces.layers import blueprint, distillation, spatial_attention
from search_spaces.layers.attention import ContrastAttention
from search_spaces.layers.blueprint import BlueprintConv, ordinary_conv
from search_spaces.layers.conv import conv
from search_spaces.layers.distillation import FeatureDistillation
from search_spaces.layers.spatial_attention import EnhancedSpatialAttention
from search_spaces.layers.upsample import PixelShuffleDirect
from search_spaces.part import Part
from search_spaces.published import ARTICLE, ARTICLE_LR, Claim, Counting, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register

COPIES = 4
"""Number of copies of the image, along the channels, that the first convolution takes."""


@dataclass(frozen=True)
class BsrnChoices:
    """The choices of `bsrn`. `distilled_eighths`: channels set aside at each step, in eighths of `width`."""

    image_skip: bool
    width: int
    blocks: int
    distilled_eighths: int
    steps: int
    channel: str
    pointwise_bias: bool
    plain_reduction: bool

    @property
    def distilled(self) -> int:
        """Number of channels that are set aside at each step."""
        return self.width * self.distilled_eighths // 8


class ChannelGain(nn.Module):
    """One learned factor per channel, the same for every image, initially around 1.

    [N, width, H, W] → the same shape.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(1 + 0.2 * torch.randn(1, width, 1, 1))

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        return features * self.gain


class SeparableDistillation(nn.Module):
    """Distillation, spatial and channel attention, with a skip around (ESDB). [N, width, H, W] → the same shape."""

    def __init__(
        self,
        width: int,
        distilled: int,
        steps: int,
        pointwise_bias: bool,
        plain_reduction: bool,
        channel: str,
    ) -> None:
        """`channel` is the channel attention: `contrast`, or `gain`, a factor that does not depend on the image."""
        super().__init__()
        convolution = partial(BlueprintConv, pointwise_bias=pointwise_bias)
        self.distillation = FeatureDistillation(
            width, distilled, convolution=convolution, activation=nn.GELU(), steps=steps
        )
        self.spatial = EnhancedSpatialAttention(
            width,
            width // 4,
            convolution=convolution,
            reduction=ordinary_conv if plain_reduction else None,
            activation=nn.GELU,
        )
        self.channel: nn.Module = ContrastAttention(width)
        if channel == "gain":
            self.channel = nn.Sequential(ChannelGain(width), conv(width, width, 1))

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        return features + self.channel(self.spatial(self.distillation(features)))


class Bsrn(nn.Module):
    """Head, blocks whose outputs are all merged, a skip over everything, one pixel shuffle."""

    def __init__(self, chosen: BsrnChoices, scale: int, channels: int) -> None:
        super().__init__()
        width, bias = chosen.width, chosen.pointwise_bias
        self.head = BlueprintConv(COPIES * channels, width, pointwise_bias=bias)
        self.blocks = nn.ModuleList()
        for _ in range(chosen.blocks):
            block = SeparableDistillation(
                width, chosen.distilled, chosen.steps, bias, chosen.plain_reduction, chosen.channel
            )
            self.blocks.append(block)
        self.gather = nn.Sequential(conv(chosen.blocks * width, width, 1), nn.GELU())
        self.trunk = BlueprintConv(width, width, pointwise_bias=bias)
        self.upsample = PixelShuffleDirect(width, channels, scale)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        head = features = self.head(torch.cat([image] * COPIES, dim=1))
        outputs = []
        for block in self.blocks:
            features = block(features)
            outputs.append(features)
        trunk = self.trunk(self.gather(torch.cat(outputs, dim=1)))
        return self.upsample(trunk + head)


def _separable(inputs: int, outputs: int, pointwise_bias: bool) -> nn.Module:
    return BlueprintConv(inputs, outputs, pointwise_bias=pointwise_bias)


def _point(width: int, blocks: int, *, small: bool) -> dict[str, Choice]:
    return {
        "image_skip": False,
        "width": width,
        "blocks": blocks,
        "distilled_eighths": 4,
        "steps": 3,
        "channel": "gain" if small else "contrast",
        "pointwise_bias": small,
        "plain_reduction": small,
    }


_BLOCKS = range(1, 17)


@register
class BsrnSpace(SkippedSpace):
    """Width, depth, number and width of the distillation steps, and the differences between BSRN and BSRN-S."""

    name: ClassVar[str] = "bsrn"
    summary: ClassVar[str] = "distillation of separable convolutions, spatial and channel attention (2022)"
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(16, 97, 8),
        "blocks": _BLOCKS,
        "distilled_eighths": range(1, 7),
        "steps": range(1, 5),
        "channel": ("contrast", "gain"),
        "pointwise_bias": (False, True),
        "plain_reduction": (False, True),
    }
    smallest: ClassVar[Choices] = {**_point(16, 1, small=False), "distilled_eighths": 1, "steps": 1}
    published: ClassVar = {
        "BSRN": Published(_point(64, 8, small=False), Claim("arXiv 2205.05996")),
        "BSRN-S": Published(
            _point(48, 5, small=True),
            Claim("arXiv 2205.05996"),
            Claim(
                ARTICLE,
                330_000,
                102_480_000_000,
                lr=ARTICLE_LR,
                params_counted=Counting("bsrn/BSRN", channels=3),
                macs_counted=Counting("bsrn/BSRN", channels=3),
            ),
        ),
    }
    authors_names: ClassVar = (
        (r"^module\.", ""),
        *((rf"^B{i + 1}\.", f"blocks.{i}.") for i in range(len(_BLOCKS))),
        (r"^fea_conv\.", "head."),
        (r"^c1\.", "gather.0."),
        (r"^c2\.", "trunk."),
        (r"^upsampler\.upsampleOneStep\.0\.", "upsample.0."),
        *distillation.AUTHORS_NAMES,
        *spatial_attention.AUTHORS_NAMES,
        *blueprint.AUTHORS_NAMES,
        (r"\.cca\.conv_du\.", ".channel.gate."),
        (r"\.cw$", ".channel.0.gain"),
        (r"\.conv_out\.", ".channel.1."),
    )

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution; see `Bsrn`."""
        network = Bsrn(read_choices(BsrnChoices, choices), scale, channels)
        return network, network.upsample.last

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part]:
        """Return parts whose costs add up to the cost of the network."""
        chosen = read_choices(BsrnChoices, choices)
        width, blocks, bias = chosen.width, chosen.blocks, chosen.pointwise_bias
        block = (width, chosen.distilled, chosen.steps, bias, chosen.plain_reduction, chosen.channel)
        return [
            Part(_separable, (COPIES * channels, width, bias), COPIES * channels),
            Part(SeparableDistillation, block, width, repeats=blocks),
            Part(conv, (blocks * width, width, 1), blocks * width),
            Part(_separable, (width, width, bias), width),
            Part(PixelShuffleDirect, (width, channels, scale), width),
        ]
