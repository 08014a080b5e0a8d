"""SPANV2: SPAN with a learned gate, and the fastest of NTIRE 2026's efficient super-resolution (team 22).

Facts: github.com/Amazingren/NTIRE2026_ESR. There is no head: a chain of three convolutions starts from the image. Gated
blocks follow (see `layers/gates.py`). A depthwise convolution of the image makes sub-pixels, which start as copies of
the pixels; they are concatenated with the features; a depthwise and a 1x1 convolution make the output before the pixel
shuffle. No 3x3 convolution has a bias.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from search_spaces.choices import Choice, Choices, Values, read_choices
from search_spaces.layers.conv import conv
from search_spaces.layers.gates import FeatureGate
from search_spaces.layers.initialisation import keep_variance
from search_spaces.layers.residual import zero_parameters
from search_spaces.part import Part
from search_spaces.published import COLOUR, Claim, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register

_unbiased = partial(conv, bias=False)


@dataclass(frozen=True)
class SpanV2Choices:
    """The choices of `spanv2`: a chain of `convs` convolutions, then `blocks` gated blocks of as many."""

    image_skip: bool
    width: int
    blocks: int
    convs: int


class Tail(nn.Sequential):
    """A depthwise and a 1x1 convolution, a pixel shuffle: [N, inputs, H, W] → [N, channels, scale·H, scale·W].

    It starts by passing its first channels·scale² inputs on.
    """

    def __init__(self, inputs: int, channels: int, scale: int) -> None:
        depthwise, pointwise = _unbiased(inputs, inputs, groups=inputs), _unbiased(inputs, channels * scale**2, 1)
        super().__init__(depthwise, pointwise, nn.PixelShuffle(scale))
        nn.init.dirac_(depthwise.weight, groups=inputs)
        nn.init.dirac_(pointwise.weight)

    @property
    def last(self) -> nn.Conv2d:
        """The convolution that writes the image."""
        layer = self[1]
        assert isinstance(layer, nn.Conv2d)
        return layer


class SpanV2Network(nn.Module):
    """A chain from the image, gated blocks, the tail. Without `image_skip`, the tail sees a learned skip, too."""

    def __init__(self, chosen: SpanV2Choices, scale: int, channels: int) -> None:
        super().__init__()
        width, pixels = chosen.width, channels * scale**2
        self.first = _chain(channels, width, chosen.convs)
        self.blocks = nn.Sequential(*(_gated(width, chosen.convs) for _ in range(chosen.blocks)))
        self.near = None if chosen.image_skip else _near(channels, pixels)
        self.tail = Tail(width if self.near is None else pixels + width, channels, scale)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        features = self.blocks(self.first(image))
        return self.tail(features if self.near is None else torch.cat([self.near(image), features], dim=1))


@torch.no_grad()
def _near(channels: int, pixels: int) -> nn.Conv2d:
    """Return the learned skip, which starts with copies of the pixels."""
    layer = _unbiased(channels, pixels, groups=channels)
    nn.init.zeros_(layer.weight)
    layer.weight[:, :, 1, 1] = 1
    return layer


def _chain(channels: int, width: int, convs: int) -> nn.Sequential:
    layers: list[nn.Module] = [_unbiased(channels, width), nn.ReLU()]
    for _ in range(convs - 1):
        layers += [_unbiased(width, width), nn.ReLU()]
    chain = nn.Sequential(*layers)
    keep_variance(chain)
    return chain


def _gated(width: int, convs: int) -> FeatureGate:
    """Return a block that starts as the identity."""
    block = FeatureGate(width, convs, _unbiased)
    keep_variance(block)
    block.start_open()
    zero_parameters(block.convs[-1])
    return block


_SPANV2: dict[str, Choice] = {"image_skip": False, "width": 32, "blocks": 4, "convs": 3}


@register
class SpanV2(SkippedSpace):
    """Width, number of gated blocks, and convolutions per block."""

    name: ClassVar[str] = "spanv2"
    summary: ClassVar[str] = "convolutions under a learned gate, a learned skip: SPANV2 of NTIRE 2026"
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(8, 65, 4),
        "blocks": range(1, 13),
        "convs": range(2, 5),
    }
    smallest: ClassVar[Choices] = {"image_skip": True, "width": 8, "blocks": 1, "convs": 2}
    published: ClassVar = {
        "SPANV2": Published(
            _SPANV2,
            Claim(
                "github.com/Amazingren/NTIRE2026_ESR, team 22",
                139_104,
                scale=4,
                note="its 1.59G multiply-adds for an LR image of 256x256 leave out the four gated blocks",
                params_counted=COLOUR,
            ),
            scale=4,
        )
    }
    authors_names: ClassVar = (
        *((rf"^block_1\.c{i + 1}\.conv\.", f"first.{2 * i}.") for i in range(3)),
        *((rf"^block_{i + 2}\.", f"blocks.{i}.") for i in range(4)),
        *((rf"\.c{i + 1}\.conv\.", f".convs.{i}.") for i in range(3)),
        (r"\.guidance_map_conv\.", ".gate."),
        (r"^conv_near\.", "near."),
        (r"^depthwise_conv\.", "tail.0."),
        (r"^pointwise_conv\.", "tail.1."),
    )

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution; see `SpanV2Network`."""
        network = SpanV2Network(read_choices(SpanV2Choices, choices), scale, channels)
        return network, network.tail.last

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part]:
        """Return the chain, the blocks, the learned skip and the tail."""
        chosen = read_choices(SpanV2Choices, choices)
        width, pixels = chosen.width, channels * scale**2
        parts = [
            Part(_chain, (channels, width, chosen.convs), channels),
            Part(_gated, (width, chosen.convs), width, repeats=chosen.blocks),
        ]
        if chosen.image_skip:
            return [*parts, Part(Tail, (width, channels, scale), width)]
        near = Part(_near, (channels, pixels), channels)
        return [*parts, near, Part(Tail, (pixels + width, channels, scale), pixels + width)]
