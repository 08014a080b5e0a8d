"""SinIR: one scale of a network that is trained on the single image it restores (Yoo and Chen, arXiv 2106.07140).

The authors chain such networks from coarse to fine, each trained for some hundred steps on one image whose pixels are
shuffled at random. This space has the network of one scale, a baseline for one image; its input is the bicubically
enlarged image. It works at the high resolution throughout: two 1x1 convolutions; blocks of a 3x3 convolution of the
mirrored image, instance normalisation and leaky ReLU; two 1x1 back. Each block adds the first features again. Images
are in -1..1 and the output passes through tanh.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.choices import Choices, Values, read_choices
from search_spaces.layers.conv import conv
from search_spaces.layers.interpolation import Interpolation
from search_spaces.part import Part
from search_spaces.published import ARTICLE, Claim, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register


@dataclass(frozen=True)
class SinirChoices:
    """The choices of `sinir`. `ends_eighths`: the width between the two 1x1 at either end, in eighths of `width`."""

    image_skip: bool
    width: int
    blocks: int
    ends_eighths: int
    norm: str

    @property
    def ends_width(self) -> int:
        """Number of channels between the two 1x1 convolutions at either end."""
        return self.width * self.ends_eighths // 8


class NormedBlock(nn.Module):
    """A 3x3 convolution of the mirrored image, instance normalisation if asked, leaky ReLU."""

    def __init__(self, width: int, norm: str) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3)
        self.norm = nn.InstanceNorm2d(width) if norm == "instance" else nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        mirrored = F.pad(features, (1, 1, 1, 1), mode="reflect")
        return F.leaky_relu(self.norm(self.conv(mirrored)), 0.2)


class SinirNetwork(nn.Module):
    """Bicubic interpolation, 1x1 convolutions, blocks, 1x1 convolutions, all at the high resolution."""

    def __init__(self, chosen: SinirChoices, scale: int, channels: int) -> None:
        super().__init__()
        width, inner = chosen.width, chosen.ends_width
        self.interpolation = Interpolation(scale)
        self.within_skip = chosen.image_skip
        self.head = nn.Sequential(conv(channels, inner, 1), conv(inner, width, 1))
        self.blocks = nn.ModuleList(NormedBlock(width, chosen.norm) for _ in range(chosen.blocks))
        self.tail = nn.Sequential(conv(width, inner, 1), conv(inner, channels, 1))

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        enlarged = self.interpolation(image)
        if self.within_skip:
            return self._computed(enlarged)
        return (torch.tanh(self._computed(2 * enlarged - 1)) + 1) / 2

    def _computed(self, image: Tensor) -> Tensor:
        first = features = self.head(image)
        for block in self.blocks:
            features = block(features) + first
        return self.tail(features)


class AtHighResolution(nn.Module):
    """A layer that works at the high resolution: on features enlarged `scale` times."""

    def __init__(self, layer: nn.Module, scale: int) -> None:
        super().__init__()
        self.layer, self.scale = layer, scale

    def forward(self, features: Tensor) -> Tensor:
        """[N, inputs, H, W] → [N, outputs, scale·H, scale·W]."""
        return self.layer(F.interpolate(features, scale_factor=float(self.scale)))


def _enlarged_conv(inputs: int, outputs: int, scale: int) -> AtHighResolution:
    return AtHighResolution(conv(inputs, outputs, 1), scale)


def _enlarged_block(width: int, norm: str, scale: int) -> AtHighResolution:
    return AtHighResolution(NormedBlock(width, norm), scale)


@register
class Sinir(SkippedSpace):
    """Width and depth, the width of the ends, and whether the network normalises."""

    name: ClassVar[str] = "sinir"
    summary: ClassVar[str] = "one scale of a network for a single image, at the high resolution (2021)"
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(8, 161, 8),
        "blocks": range(1, 9),
        "ends_eighths": range(1, 9),
        "norm": ("instance", "none"),
    }
    smallest: ClassVar[Choices] = {"image_skip": False, "width": 8, "blocks": 1, "ends_eighths": 1, "norm": "none"}
    published: ClassVar = {
        "SinIR": Published(
            {"image_skip": False, "width": 128, "blocks": 6, "ends_eighths": 4, "norm": "instance"},
            Claim("arXiv 2106.07140"),
            Claim(ARTICLE, note="its 4 and 456MB are no quantity of the network"),
        ),
    }
    authors_names: ClassVar = (
        (r"^from_rgb\.", "head."),
        (r"^to_rgb\.", "tail."),
        (r"^layers\.(\d+)\.(\w+\.)*(weight|bias)$", r"blocks.\1.conv.\3"),
    )

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution; see `SinirNetwork`."""
        network = SinirNetwork(read_choices(SinirChoices, choices), scale, channels)
        return network, network.tail[-1]

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part]:
        """Return the convolutions and the blocks, each at the high resolution."""
        chosen = read_choices(SinirChoices, choices)
        width, inner = chosen.width, chosen.ends_width
        ends = [(channels, inner), (inner, width), (width, inner), (inner, channels)]
        return [
            *(Part(_enlarged_conv, (*end, scale), end[0]) for end in ends),
            Part(_enlarged_block, (width, chosen.norm, scale), width, repeats=chosen.blocks),
        ]
