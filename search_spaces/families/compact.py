"""Compact: the plain chain of Real-ESRGAN for video (SRVGGNetCompact, github.com/xinntao/Real-ESRGAN, 2021).

The networks are released for x4 with adversarial training. Their structure is that of ECBSR without branches, with more
layers and channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from search_spaces.choices import Choice, Choices, Values, read_choices
from search_spaces.layers.activation import SLOPES
from search_spaces.layers.collapsible import start_chain
from search_spaces.layers.interpolation import Interpolation
from search_spaces.layers.plain import PlainNetwork, plain_parts
from search_spaces.layers.residual import zero_parameters
from search_spaces.part import Part
from search_spaces.published import Claim, Counting, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register


@dataclass(frozen=True)
class CompactChoices:
    """The choices of `compact`: `blocks` convolutions between head and tail, all of `width` channels."""

    image_skip: bool
    width: int
    blocks: int
    activation: str


def point(width: int, blocks: int) -> dict[str, Choice]:
    """Return the choices of the released networks, which differ only in size."""
    return {"image_skip": False, "width": width, "blocks": blocks, "activation": "prelu"}


def _widths(chosen: CompactChoices, scale: int, channels: int) -> list[int]:
    return [channels, *[chosen.width] * (1 + chosen.blocks), channels * scale**2]


@register
class Compact(SkippedSpace):
    """A head, 1 to 40 convolutions and a tail, all but the tail activated, plus the image copied to the sub-pixels."""

    name: ClassVar[str] = "compact"
    summary: ClassVar[str] = "a plain chain of convolutions and a pixel shuffle: light Real-ESRGAN (2021)"
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(8, 97, 8),
        "blocks": range(1, 41),
        "activation": ("relu", "prelu"),
    }
    smallest: ClassVar[Choices] = {"image_skip": False, "width": 8, "blocks": 1, "activation": "relu"}
    published: ClassVar = {
        "RealESR-animevideo": Published(
            point(64, 16),
            Claim("github.com/xinntao/Real-ESRGAN, released as realesr-animevideov3", scale=4),
            scale=4,
        ),
        "RealESR-general": Published(
            point(64, 32),
            Claim(
                "github.com/xinntao/Real-ESRGAN, released as realesr-general-x4v3; count of huggingface.co/qualcomm",
                1_210_000,
                scale=4,
                params_counted=Counting(channels=3, rounded_to=10_000),
            ),
            scale=4,
        ),
    }
    # Their tensors are numbered as ours: convolutions and activations in turn.
    authors_names: ClassVar = ((r"^module\.", ""),)

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution. Without an image skip, it starts as a copy of the pixels."""
        chosen = read_choices(CompactChoices, choices)
        own_skip = None if chosen.image_skip else Interpolation(scale, "nearest")
        network = PlainNetwork(_widths(chosen, scale, channels), chosen.activation, scale, own_skip=own_skip)
        for layer in network.convs:
            start_chain(layer, SLOPES.get(chosen.activation, 0.0))
        zero_parameters(network.last)
        return network, network.last

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part]:
        """Return the layers."""
        chosen = read_choices(CompactChoices, choices)
        return plain_parts(_widths(chosen, scale, channels), chosen.activation)
