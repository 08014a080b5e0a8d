"""QuickSRNet: a plain chain that starts near the identity and needs no skip (Berger et al., arXiv 2303.04336).

Structure and initialisation are those of github.com/quic/aimet-model-zoo: activations clipped to 0..1; the large
network adds a learned 1x1 convolution of the image.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from search_spaces.choices import Choice, Choices, Values, read_choices
from search_spaces.layers.conv import bias_of, conv
from search_spaces.layers.plain import PlainNetwork, plain_parts
from search_spaces.part import Part
from search_spaces.published import Claim, Counting, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register


@dataclass(frozen=True)
class QuickSrNetChoices:
    """The choices of `quicksrnet`: `blocks` convolutions of `width` channels after the head.

    `learned_skip` has no effect with `image_skip`.
    """

    image_skip: bool
    width: int
    blocks: int
    activation: str
    learned_skip: bool


def point(width: int, blocks: int, *, learned_skip: bool = False) -> dict[str, Choice]:
    """Return the choices of the authors' network of this size."""
    return {
        "image_skip": False,
        "width": width,
        "blocks": blocks,
        "activation": "clipped",
        "learned_skip": learned_skip,
    }


def _widths(chosen: QuickSrNetChoices, scale: int, channels: int) -> list[int]:
    return [channels, *[chosen.width] * (1 + chosen.blocks), channels * scale**2]


def _learned_skip(channels: int, scale: int) -> nn.Sequential:
    """Return a 1x1 convolution and a pixel shuffle that start as nearest-neighbour interpolation."""
    layer = conv(channels, channels * scale**2, 1)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(bias_of(layer))
    _copy_pixels(layer, channels)
    return nn.Sequential(layer, nn.PixelShuffle(scale))


@torch.no_grad()
def _add_identity(layer: nn.Conv2d) -> None:
    """Add the identity of as many channels as input and output share to the initial weight."""
    layer.weight += nn.init.dirac_(torch.zeros_like(layer.weight))


@torch.no_grad()
def _copy_pixels(layer: nn.Conv2d, channels: int) -> None:
    """Add a copy of channel c to each sub-pixel of channel c, for the first `channels` inputs."""
    middle = layer.kernel_size[0] // 2
    of_channels = layer.weight.unflatten(0, (channels, -1))  # [C, scale², inputs, k, k]
    for channel in range(channels):
        of_channels[channel, :, channel, middle, middle] += 1


def _published(choices: Choices, page: str, params: int, rounded_to: int) -> Published:
    counting = Counting(channels=3, rounded_to=rounded_to)
    return Published(
        choices, Claim(f"huggingface.co/qualcomm/{page}", params, scale=3, params_counted=counting), scale=3
    )


@register
class QuickSrNet(SkippedSpace):
    """Without an image skip, the output is clipped to 0..1, and the network starts near nearest-neighbour copies."""

    name: ClassVar[str] = "quicksrnet"
    summary: ClassVar[str] = "a plain chain that starts near the identity, activations clipped to 0..1 (2023)"
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(4, 65, 4),
        "blocks": range(1, 17),
        "activation": ("clipped", "relu", "prelu"),
        "learned_skip": (False, True),
    }
    smallest: ClassVar[Choices] = {**point(4, 1), "activation": "relu"}
    published: ClassVar = {
        "QuickSRNet-small": _published(point(32, 2), "QuickSRNetSmall", 27_200, 100),
        "QuickSRNet-medium": _published(point(32, 5), "QuickSRNetMedium", 55_000, 100),
        "QuickSRNet-large": _published(point(64, 11, learned_skip=True), "QuickSRNetLarge", 424_000, 1_000),
    }
    authors_names: ClassVar = ((r"^cnn\.", "body."), (r"^anchor\.net\.", "own_skip.0."))

    def translate(self, state: Mapping[str, Tensor], scale: int, channels: int) -> dict[str, Tensor]:
        """Return the tensors under our names; the authors' last convolution has no number in their chain."""
        chain = [int(name.split(".")[1]) for name in state if name.startswith("cnn.")]
        last = f"body.{max(chain, default=0) + 2}."
        named = {name.replace("conv_last.", last): tensor for name, tensor in state.items()}
        return super().translate(named, scale, channels)

    def canonical(self, choices: Choices) -> Choices:
        """Settle `learned_skip` where the image skip replaces it."""
        return {**choices, "learned_skip": False} if choices["image_skip"] else choices

    def count(self) -> int:
        """Count `learned_skip` only without `image_skip`."""
        return super().count() * 3 // 4

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution."""
        chosen = read_choices(QuickSrNetChoices, choices)
        own = not chosen.image_skip
        own_skip = _learned_skip(channels, scale) if own and chosen.learned_skip else None
        widths = _widths(chosen, scale, channels)
        network = PlainNetwork(widths, chosen.activation, scale, own_skip=own_skip, clipped=own)
        for layer in network.convs[:-1]:
            _add_identity(layer)
        if own_skip is None:
            _copy_pixels(network.last, channels)
        return network, network.last

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part]:
        """Return the layers and the learned skip."""
        chosen = read_choices(QuickSrNetChoices, choices)
        parts = plain_parts(_widths(chosen, scale, channels), chosen.activation)
        if chosen.learned_skip and not chosen.image_skip:
            parts.append(Part(conv, (channels, channels * scale**2, 1), channels))
        return parts
