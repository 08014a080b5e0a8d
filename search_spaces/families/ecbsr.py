"""ECBSR: a plain chain of 3x3 convolutions that trains with branches (Zhang et al., ACM Multimedia 2021).

This kind of network is the fastest on phones and cameras: once trained, it consists of convolutions, activations and a
pixel shuffle.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from torch import Tensor, nn

from search_spaces.choices import Choices, Values, read_choices
from search_spaces.layers.activation import SLOPES, activation
from search_spaces.layers.collapsible import Collapsible, start_chain
from search_spaces.layers.conv import conv
from search_spaces.layers.edge_conv import EdgeConv, ExpandedConv
from search_spaces.layers.interpolation import Interpolation
from search_spaces.part import Part
from search_spaces.published import ARTICLE, ARTICLE_LR, Claim, Counting, Published, Rule, TrainedLuma
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register

BRANCHES: dict[str, Callable[[int, int], nn.Conv2d | Collapsible]] = {
    "edge": EdgeConv,
    "expanded": ExpandedConv,
    "none": conv,
}
"""The training form of a convolution by name; all deploy as one 3x3."""


@dataclass(frozen=True)
class EcbsrChoices:
    """The choices of `ecbsr`: `blocks` convolutions between head and tail, all of `width` channels."""

    image_skip: bool
    width: int
    blocks: int
    activation: str
    branches: str


class Ecbsr(nn.Module):
    """A head, `blocks` convolutions and a tail, all but the tail activated, plus the image copied to the sub-pixels."""

    def __init__(self, chosen: EcbsrChoices, scale: int, channels: int) -> None:
        super().__init__()
        widths = [channels, *[chosen.width] * (1 + chosen.blocks), channels * scale**2]
        convs = [BRANCHES[chosen.branches](inputs, outputs) for inputs, outputs in pairwise(widths)]
        activated = [nn.Sequential(layer, activation(chosen.activation, chosen.width)) for layer in convs[:-1]]
        self.layers = nn.Sequential(*activated, nn.Sequential(convs[-1]))
        self.shuffle = nn.PixelShuffle(scale)
        self.own_skip = None if chosen.image_skip else Interpolation(scale, "nearest")
        for layer in convs:
            start_chain(layer, SLOPES.get(chosen.activation, 0.0))
        for parameter in self.last.parameters():  # an untrained network copies pixels
            nn.init.zeros_(parameter)

    @property
    def last(self) -> nn.Module:
        """The part that writes the image: a convolution, or the last parameters of its branches."""
        tail = self.layers[-1]
        assert isinstance(tail, nn.Sequential)
        return tail[0].output_parameters() if isinstance(tail[0], Collapsible) else tail[0]

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        output = self.shuffle(self.layers(image))
        return output if self.own_skip is None else output + self.own_skip(image)


def _activated(inputs: int, outputs: int, act: str) -> nn.Module:
    return nn.Sequential(conv(inputs, outputs), activation(act, outputs))


def _point(width: int, blocks: int) -> Choices:
    return {"image_skip": False, "width": width, "blocks": blocks, "activation": "prelu", "branches": "edge"}


_PAPER = Claim("ACM Multimedia 2021, pages 4034-4043")


def _article(params: int, macs: int) -> Claim:
    training = Counting(rules=(Rule.TRAINING,))
    fivefold = Counting(rules=(Rule.TRAINING,), factor=5)
    return Claim(ARTICLE, params, macs, lr=ARTICLE_LR, params_counted=fivefold, macs_counted=training)


@register
class EcbsrSpace(SkippedSpace):
    """4 to 64 channels, 1 to 24 convolutions between head and tail, two activations, three ways to train."""

    name: ClassVar[str] = "ecbsr"
    summary: ClassVar[str] = "plain convolutions that train with edge-oriented branches and fuse (2021)"
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(4, 65, 4),
        "blocks": range(1, 25),
        "activation": ("relu", "prelu"),
        "branches": tuple(BRANCHES),
    }
    smallest: ClassVar[Choices] = {
        "image_skip": False,
        "width": 4,
        "blocks": 1,
        "activation": "relu",
        "branches": "none",
    }
    luma: ClassVar[TrainedLuma] = TrainedLuma("studio", "rgb2ycbcr of scikit-image in the authors' data sets")
    published: ClassVar = {
        "M4C8": Published(_point(8, 4), _PAPER, _article(60_000, 3_730_000_000)),
        "M4C16": Published(_point(16, 4), _PAPER, _article(210_000, 13_450_000_000)),
        "M10C16": Published(_point(16, 10), _PAPER, _article(480_000, 30_410_000_000)),
        "M10C32": Published(_point(32, 10), _PAPER, _article(1_820_000, 117_390_000_000)),
        "M16C64": Published(_point(64, 16), _PAPER),
    }
    authors_names: ClassVar = (
        (r"^module\.", ""),
        (r"^.*\.(mask|conv1x1_(sbx|sby|lpl)\.b0)$", ""),
        (r"^backbone\.(\d+)\.act\.", r"layers.\1.1."),
        (r"^backbone\.(\d+)\.conv3x3\.", r"layers.\1.0.plain."),
        (r"^backbone\.(\d+)\.conv1x1_3x3\.k0$", r"layers.\1.0.widen.weight"),
        (r"^backbone\.(\d+)\.conv1x1_3x3\.b0$", r"layers.\1.0.widen.bias"),
        (r"^backbone\.(\d+)\.conv1x1_3x3\.k1$", r"layers.\1.0.narrow.weight"),
        (r"^backbone\.(\d+)\.conv1x1_3x3\.b1$", r"layers.\1.0.narrow.bias"),
        (r"^backbone\.(\d+)\.conv1x1_sbx\.", r"layers.\1.0.edges.sobel_x."),
        (r"^backbone\.(\d+)\.conv1x1_sby\.", r"layers.\1.0.edges.sobel_y."),
        (r"^backbone\.(\d+)\.conv1x1_lpl\.", r"layers.\1.0.edges.laplacian."),
        (r"\.k0$", ".mix.weight"),
        (r"\.scale$", ".gain"),
    )

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and the part that writes its image; see `Ecbsr`."""
        network = Ecbsr(read_choices(EcbsrChoices, choices), scale, channels)
        return network, network.last

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part]:
        """Return parts whose costs add up to the cost of the network."""
        chosen = read_choices(EcbsrChoices, choices)
        width = chosen.width
        return [
            Part(_activated, (channels, width, chosen.activation), channels),
            Part(_activated, (width, width, chosen.activation), width, repeats=chosen.blocks),
            Part(conv, (width, channels * scale**2), width),
        ]
