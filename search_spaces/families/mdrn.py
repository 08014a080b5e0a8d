"""MDRN: the distillation of BSRN with attention over three distances and variance (Mao et al., CVPR Workshops 2023).

The winner of the complexity track of NTIRE 2023, where its team was called TelunXupt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.choices import Choice, Choices, Values, read_choices
from search_spaces.layers import blueprint, distillation
from search_spaces.layers.attention import ContrastAttention
from search_spaces.layers.blueprint import BlueprintConv
from search_spaces.layers.conv import conv
from search_spaces.layers.distillation import FeatureDistillation
from search_spaces.layers.mean_shift import MeanShift, around
from search_spaces.layers.spatial_attention import at_least, interpolated
from search_spaces.layers.upsample import PixelShuffleDirect
from search_spaces.part import Part
from search_spaces.published import ARTICLE, ARTICLE_LR, COLOUR, Claim, Counting, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register

POOLS = ((3, 1), (5, 0), (7, 1))
"""Windows of the pooling, each with its padding; the step is 3."""

STEP = 3

LEAST = 15
"""Side of the smallest image whose pooled maps all have the two pixels that reflection needs."""

reflecting = partial(BlueprintConv, reflect=True)


@dataclass(frozen=True)
class MdrnChoices:
    """The choices of `mdrn`. `distilled_eighths`: channels set aside at each step, in eighths of `width`."""

    image_skip: bool
    width: int
    blocks: int
    distilled_eighths: int
    steps: int
    levels: int
    dispersion: bool

    @property
    def distilled(self) -> int:
        """Number of channels that are set aside at each step."""
        return self.width * self.distilled_eighths // 8


class DispersionAttention(nn.Module):
    """One factor of at least 1 per pixel and channel, from the `levels` widest poolings (MDSA).

    With `dispersion`, the variance of each window is added to the maxima of the widest pooling. [N, width, H, W] → the
    same.
    """

    def __init__(self, width: int, levels: int, *, dispersion: bool) -> None:
        super().__init__()
        squeezed = width // 4
        self.pools = POOLS[-levels:]
        self.squeeze = conv(width, squeezed, 1)
        self.shortcut = conv(squeezed, squeezed, 1)
        self.reduce = nn.ModuleList(reflecting(squeezed, squeezed, stride=2) for _ in range(levels + dispersion))
        self.body = nn.ModuleList(
            nn.Sequential(reflecting(squeezed, squeezed), nn.GELU(), reflecting(squeezed, squeezed))
            for _ in range(levels)
        )
        self.expand = conv(squeezed, width, 1)

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        squeezed = self.squeeze(features)
        reduced = [reduce(at_least(squeezed, LEAST)) for reduce in self.reduce]
        coarse = [F.max_pool2d(x, pool, STEP, pad) for x, (pool, pad) in zip(reduced, self.pools, strict=False)]
        if len(reduced) > len(coarse):
            coarse[-1] = coarse[-1] + local_variance(reduced[-1])
        gate = self.shortcut(squeezed)
        for body, level in zip(self.body, coarse, strict=True):
            gate = gate + interpolated(body(level), features)
        return features + features * torch.sigmoid(self.expand(gate))


def local_variance(features: Tensor) -> Tensor:
    """[N, C, H, W] → [N, C, h, w], the unbiased variance of the widest pooling's windows, reflected at the border."""
    window, padding = POOLS[-1]
    wide = F.pad(features.to(torch.float32), (padding,) * 4, mode="reflect")
    mean, square = F.avg_pool2d(wide, window, STEP), F.avg_pool2d(wide.square(), window, STEP)
    return (square - mean.square()).clamp_min(0) * window**2 / (window**2 - 1)


class EnhancedContrastAttention(nn.Module):
    """A 1x1, GELU, channel attention on contrast and a depthwise 3x3, added to the features (ECCA)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(width, width, 1), nn.GELU(), ContrastAttention(width), conv(width, width, groups=width)
        )

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        return features + self.body(features)


class AttentionDistillation(nn.Module):
    """Distillation, then both kinds of attention, with a skip around (EADB). [N, width, H, W] → the same shape."""

    def __init__(self, width: int, distilled: int, steps: int, levels: int, dispersion: bool) -> None:
        super().__init__()
        self.distillation = FeatureDistillation(
            width, distilled, convolution=reflecting, activation=nn.GELU(), steps=steps
        )
        self.spatial = DispersionAttention(width, levels, dispersion=dispersion)
        self.channel = EnhancedContrastAttention(width)

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        return features + self.channel(self.spatial(self.distillation(features)))


class Mdrn(nn.Module):
    """Head, blocks whose outputs are all merged, a skip over everything, one pixel shuffle."""

    def __init__(self, chosen: MdrnChoices, scale: int, channels: int) -> None:
        super().__init__()
        width = chosen.width
        self.shift = None if chosen.image_skip else MeanShift(channels)
        self.head = conv(channels, width)
        self.blocks = nn.ModuleList()
        for _ in range(chosen.blocks):
            block = AttentionDistillation(width, chosen.distilled, chosen.steps, chosen.levels, chosen.dispersion)
            self.blocks.append(block)
        self.gather = nn.Sequential(conv(chosen.blocks * width, width, 1), nn.GELU())
        self.trunk = reflecting(width, width)
        self.upsample = PixelShuffleDirect(width, channels, scale)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        return around(self.shift, self._computed, image)

    def _computed(self, image: Tensor) -> Tensor:
        head = features = self.head(image)
        outputs = []
        for block in self.blocks:
            features = block(features)
            outputs.append(features)
        trunk = self.trunk(self.gather(torch.cat(outputs, dim=1)))
        return self.upsample(trunk + head)


def _point(width: int, blocks: int, eighths: int = 4, steps: int = 3, levels: int = 3) -> dict[str, Choice]:
    return {
        "image_skip": False,
        "width": width,
        "blocks": blocks,
        "distilled_eighths": eighths,
        "steps": steps,
        "levels": levels,
        "dispersion": levels == len(POOLS),
    }


_BLOCKS = range(1, 17)
_PAPER = Claim("CVPR Workshops 2023, pages 1660-1669")


@register
class MdrnSpace(SkippedSpace):
    """Width, depth, number and width of the distillation steps, levels of the attention, use of variance."""

    name: ClassVar[str] = "mdrn"
    summary: ClassVar[str] = "separable distillation with attention over several distances (2023)"
    minimum_side: ClassVar[int] = 2  # reflection needs two pixels
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(16, 97, 4),
        "blocks": _BLOCKS,
        "distilled_eighths": range(1, 7),
        "steps": range(1, 5),
        "levels": range(1, len(POOLS) + 1),
        "dispersion": (False, True),
    }
    smallest: ClassVar[Choices] = _point(16, 1, eighths=1, steps=1, levels=1)
    published: ClassVar = {
        "MDRN": Published(
            _point(56, 8),
            _PAPER,
            Claim(
                ARTICLE,
                300_000,
                91_000_000_000,
                lr=ARTICLE_LR,
                params_counted=Counting(channels=3, rounded_to=10_000),
                macs_counted=COLOUR,
            ),
        ),
        "MDRN-S": Published(
            _point(28, 8),
            Claim("github.com/bbbolt/MDRN, mdrn-s.pth", 95_396, scale=4, params_counted=COLOUR),
            scale=4,
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
        (r"\.esa\.body\.0\.conv1\.", ".spatial.squeeze."),
        (r"\.esa\.body\.0\.conv_f\.", ".spatial.shortcut."),
        (r"\.esa\.body\.0\.conv2_(\d)\.", r".spatial.reduce.\1."),
        (r"\.esa\.body\.0\.conv_max_(\d)\.", r".spatial.body.\1.0."),
        (r"\.esa\.body\.0\.conv3_(\d)\.", r".spatial.body.\1.2."),
        (r"\.esa\.body\.0\.conv4\.", ".spatial.expand."),
        (r"\.cca\.body\.2\.conv_du\.", ".channel.body.2.gate."),
        (r"\.cca\.", ".channel."),
        *blueprint.AUTHORS_NAMES,
    )

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution; see `Mdrn`."""
        network = Mdrn(read_choices(MdrnChoices, choices), scale, channels)
        return network, network.upsample.last

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part]:
        """Return parts whose costs add up to the cost of the network."""
        chosen = read_choices(MdrnChoices, choices)
        width, blocks = chosen.width, chosen.blocks
        block = (width, chosen.distilled, chosen.steps, chosen.levels, chosen.dispersion)
        return [
            Part(conv, (channels, width), channels),
            Part(AttentionDistillation, block, width, repeats=blocks),
            Part(conv, (blocks * width, width, 1), blocks * width),
            Part(BlueprintConv, (width, width), width),
            Part(PixelShuffleDirect, (width, channels, scale), width),
        ]
