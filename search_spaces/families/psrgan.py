"""PSRGAN's generator: separable residual blocks beside a distillation block (Huang et al., IEEE SPL 28, 2021).

Made for infrared images, trained on visible images first. The adversarial training is not part of this space.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from search_spaces.choices import Choice, Choices, Values, read_choices
from search_spaces.layers import distillation, spatial_attention
from search_spaces.layers.blueprint import MakesConv, SeparableConv, ordinary_conv
from search_spaces.layers.collapsible import start_chain
from search_spaces.layers.conv import conv
from search_spaces.layers.distillation import FeatureDistillation
from search_spaces.layers.spatial_attention import EnhancedSpatialAttention
from search_spaces.layers.upsample import factors
from search_spaces.part import Part
from search_spaces.published import ARTICLE, ARTICLE_LR, COLOUR, Claim, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register


@dataclass(frozen=True)
class PsrGanChoices:
    """The choices of `psrgan`. `branch`: the distillation block beside the residual blocks."""

    image_skip: bool
    width: int
    blocks: int
    kernel: int
    separable: bool
    branch: bool


class SeparableResidual(nn.Module):
    """Adds the output of two convolutions to the features. [N, width, H, W] → the same shape."""

    def __init__(self, width: int, kernel: int, separable: bool) -> None:
        super().__init__()
        convolution = _kind(separable)
        self.body = nn.Sequential(convolution(width, width, kernel), nn.ReLU(), convolution(width, width, kernel))

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        return features + self.body(features)


class PsrGan(nn.Module):
    """Head; residual blocks beside distillation with attention; both merged; enlargement by copied pixels."""

    def __init__(self, chosen: PsrGanChoices, scale: int, channels: int) -> None:
        super().__init__()
        width, separable = chosen.width, chosen.separable
        self.head = conv(channels, width)
        self.blocks = nn.Sequential()
        for _ in range(chosen.blocks):
            self.blocks.append(SeparableResidual(width, chosen.kernel, separable))
        self.trunk = conv(width, width)
        self.branch = chosen.branch
        if self.branch:
            self.distillation = _distillation(width, separable)
            self.spatial = _attention(width, separable)
            self.merge = conv(2 * width, width, 1)
        self.tail = _tail(width, scale, channels)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        head = self.head(image)
        features = head + self.trunk(self.blocks(head))
        if self.branch:
            distilled = self.spatial(self.distillation(head))
            features = self.merge(torch.cat([distilled, features], dim=1))
        return self.tail(features)


def _kind(separable: bool) -> MakesConv:
    return SeparableConv if separable else ordinary_conv


def _distillation(width: int, separable: bool) -> nn.Module:
    """Return the distillation block; its 1x1 convolutions are separable, too."""
    kind = _kind(separable)
    return FeatureDistillation(width, width // 2, convolution=kind, pointwise=kind, activation=nn.LeakyReLU(0.05))


def _attention(width: int, separable: bool) -> nn.Module:
    """Return the spatial attention; its convolution of stride 2 is padded."""
    kind = _kind(separable)
    return EnhancedSpatialAttention(width, width // 4, convolution=kind, pointwise=kind, padding=1)


def _tail(width: int, scale: int, channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for factor in factors(scale):
        layers += [nn.Upsample(scale_factor=float(factor), mode="nearest"), conv(width, width), nn.ReLU()]
    layers += [conv(width, width), nn.ReLU()]
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            start_chain(layer, 0.0)
    return nn.Sequential(*layers, conv(width, channels, bias=False))


def _point(width: int, blocks: int, *, branch: bool = True) -> dict[str, Choice]:
    return {
        "image_skip": False,
        "width": width,
        "blocks": blocks,
        "kernel": 3,
        "separable": True,
        "branch": branch,
    }


@register
class PsrGanSpace(SkippedSpace):
    """Width, depth, kernel of the residual blocks, separable or ordinary convolutions, with or without the branch."""

    name: ClassVar[str] = "psrgan"
    summary: ClassVar[str] = "separable residual blocks beside a distillation block, for infrared (2021)"
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(16, 97, 8),
        "blocks": range(1, 33),
        "kernel": range(3, 8, 2),
        "separable": (False, True),
        "branch": (False, True),
    }
    smallest: ClassVar[Choices] = _point(16, 1, branch=False)
    published: ClassVar = {
        "PSRGAN": Published(
            _point(64, 16),
            Claim("github.com/yongsongH/Infrared_Image_SR_PSRGAN, its log", 349_664, scale=4, params_counted=COLOUR),
            Claim(ARTICLE, 310_000, 174_300_000_000, lr=ARTICLE_LR, params_counted=COLOUR, macs_counted=COLOUR),
        )
    }
    authors_names: ClassVar = (
        (r"^module\.", ""),
        (r"^(KD\..*)\.0\.(weight|bias)$", r"\1.depthwise.\2"),
        (r"^(KD\..*)\.1\.(weight|bias)$", r"\1.pointwise.\2"),
        (r"^KD\.", ""),
        *distillation.AUTHORS_NAMES,
        *spatial_attention.AUTHORS_NAMES,
        (r"^body\.sub\.(\d+)\.res\.0\.", r"blocks.\1.body.0.depthwise."),
        (r"^body\.sub\.(\d+)\.res\.1\.", r"blocks.\1.body.0.pointwise."),
        (r"^body\.sub\.(\d+)\.res\.3\.", r"blocks.\1.body.2.depthwise."),
        (r"^body\.sub\.(\d+)\.res\.4\.", r"blocks.\1.body.2.pointwise."),
        (r"^body\.sub\.\d+\.", "trunk."),
        (r"^copress\.", "merge."),
    )

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution; see `PsrGan`."""
        network = PsrGan(read_choices(PsrGanChoices, choices), scale, channels)
        return network, network.tail[-1]

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part]:
        """Return parts whose costs add up to the cost of the network."""
        chosen = read_choices(PsrGanChoices, choices)
        width, separable = chosen.width, chosen.separable
        branch = [
            Part(_distillation, (width, separable), width),
            Part(_attention, (width, separable), width),
            Part(conv, (2 * width, width, 1), 2 * width),
        ]
        return [
            Part(conv, (channels, width), channels),
            Part(SeparableResidual, (width, chosen.kernel, separable), width, repeats=chosen.blocks),
            Part(conv, (width, width), width),
            *(branch if chosen.branch else []),
            Part(_tail, (width, scale, channels), width),
        ]
