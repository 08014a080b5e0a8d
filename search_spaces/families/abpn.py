"""ABPN: a plain chain for 8-bit inference on phones (Du et al., arXiv 2105.09750, Mobile AI 2021).

The image is repeated for each sub-pixel and added before the pixel shuffle, which is nearest-neighbour interpolation
without a Resize. The last convolution works on the sub-pixels, behind another one that makes them.
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
class AbpnChoices:
    """The choices of `abpn`: `blocks` convolutions of `width` channels after the head, then those of the sub-pixels."""

    image_skip: bool
    width: int
    blocks: int
    pixel_convs: int
    activation: str


_ABPN: dict[str, Choice] = {"image_skip": False, "width": 28, "blocks": 4, "pixel_convs": 2, "activation": "relu"}


def _widths(chosen: AbpnChoices, scale: int, channels: int) -> list[int]:
    features, pixels = [chosen.width] * (1 + chosen.blocks), [channels * scale**2] * chosen.pixel_convs
    return [channels, *features, *pixels]


@register
class Abpn(SkippedSpace):
    """Without an image skip, the output is clipped to the range of an image, as in the authors' code."""

    name: ClassVar[str] = "abpn"
    summary: ClassVar[str] = "a plain chain for 8-bit inference, the image repeated for each sub-pixel (2021)"
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(4, 65, 4),
        "blocks": range(1, 17),
        "pixel_convs": range(1, 4),
        "activation": ("relu", "prelu"),
    }
    smallest: ClassVar[Choices] = {"image_skip": False, "width": 4, "blocks": 1, "pixel_convs": 1, "activation": "relu"}
    published: ClassVar = {
        "ABPN": Published(
            _ABPN,
            Claim(
                "github.com/NJU-Jet/SR_Mobile_Quantization",
                42_540,
                scale=3,
                params_counted=Counting(channels=3, rounded_to=10),
            ),
            scale=3,
        )
    }

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution. Without an image skip, it starts as a copy of the pixels."""
        chosen = read_choices(AbpnChoices, choices)
        own = not chosen.image_skip
        own_skip = Interpolation(scale, "nearest") if own else None
        widths = _widths(chosen, scale, channels)
        network = PlainNetwork(widths, chosen.activation, scale, own_skip=own_skip, clipped=own)
        for layer in network.convs:
            start_chain(layer, SLOPES.get(chosen.activation, 0.0))
        zero_parameters(network.last)
        return network, network.last

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part]:
        """Return the layers."""
        chosen = read_choices(AbpnChoices, choices)
        return plain_parts(_widths(chosen, scale, channels), chosen.activation)
