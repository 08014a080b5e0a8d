"""SMFANet: self-modulation of features beside a convolutional branch (Zheng et al., ECCV 2024, paper 6713).

The network: a 3x3 head; blocks of two residual halves, each on features of length one at every pixel; a skip around all
blocks; one convolution and a pixel shuffle. There is no global skip from the image.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.choices import Choices, Values, read_choices
from search_spaces.layers.conv import conv
from search_spaces.layers.modulation import enlarge_to, max_pool_to_fraction
from search_spaces.layers.upsample import PixelShuffleDirect
from search_spaces.part import Part
from search_spaces.published import COLOUR, Claim, Counting, Published, Rule
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register


@dataclass(frozen=True)
class SmfaNetChoices:
    """The choices of `smfanet`. `partial_eighths`: features that a mixer convolves, in eighths of all."""

    image_skip: bool
    width: int
    blocks: int
    expansion: int
    local_expansion: int
    partial_eighths: int
    pooling_log2: int

    @property
    def divisor(self) -> int:
        """Side in pixels of the patches from which the modulation is made."""
        return 1 << self.pooling_log2


class SelfModulation(nn.Module):
    """The sum of a global half and a local half of convolutions, mixed by a 1x1.

    The global half is features times a coarse map, made from the features' maxima in patches of `divisor` pixels and
    from their variance over the image.
    """

    def __init__(self, width: int, divisor: int, expansion: int) -> None:
        super().__init__()
        self.divisor = divisor
        self.split = conv(width, 2 * width, 1)
        self.coarse = conv(width, width, 3, groups=width)
        self.alpha = nn.Parameter(torch.ones(1, width, 1, 1))
        self.beta = nn.Parameter(torch.zeros(1, width, 1, 1))
        self.map = conv(width, width, 1)
        inner = expansion * width
        self.local = nn.Sequential(
            conv(width, inner, 3, groups=width), conv(inner, inner, 1), nn.GELU(), conv(inner, width, 1)
        )
        self.mix = conv(width, width, 1)

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        near, far = self.split(features).chunk(2, dim=1)
        maxima = self.coarse(max_pool_to_fraction(far, self.divisor))
        variance = far.var(dim=(2, 3), keepdim=True)
        modulator = F.gelu(self.map(maxima * self.alpha + variance * self.beta))
        return self.mix(far * enlarge_to(modulator, far) + self.local(near))


class PartialMixer(nn.Module):
    """1x1 to `inner` features and GELU, the first `partial` of them through a 3x3 and GELU, 1x1 back."""

    def __init__(self, width: int, inner: int, partial: int) -> None:
        super().__init__()
        self.widths = (partial, inner - partial)
        self.expand = conv(width, inner, 1)
        self.partial = conv(partial, partial, 3)
        self.project = conv(inner, width, 1)

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        some, rest = F.gelu(self.expand(features)).split(self.widths, dim=1)
        return self.project(torch.cat([F.gelu(self.partial(some)), rest], dim=1))


class SelfModulatedBlock(nn.Module):
    """x + modulation(x / |x|), then x + mixer(x / |x|), where |x| is the length of a pixel's features."""

    def __init__(self, width: int, expansion: int, local_expansion: int, eighths: int, divisor: int) -> None:
        super().__init__()
        self.modulation = SelfModulation(width, divisor, local_expansion)
        inner = expansion * width
        self.mixer = PartialMixer(width, inner, inner * eighths // 8)

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        features = features + self.modulation(F.normalize(features))
        return features + self.mixer(F.normalize(features))


class SmfaNetwork(nn.Module):
    """Head, blocks with a skip around them, a pixel shuffle."""

    def __init__(self, chosen: SmfaNetChoices, scale: int, channels: int) -> None:
        super().__init__()
        width = chosen.width
        self.head = conv(channels, width)
        self.blocks = nn.Sequential()
        for _ in range(chosen.blocks):
            block = SelfModulatedBlock(
                width, chosen.expansion, chosen.local_expansion, chosen.partial_eighths, chosen.divisor
            )
            self.blocks.append(block)
        self.tail = PixelShuffleDirect(width, channels, scale)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        head = self.head(image)
        return self.tail(self.blocks(head) + head)


def point(width: int, blocks: int) -> dict[str, int | bool]:
    """Return the choices of the authors' networks, which differ only in size."""
    fixed = {"image_skip": False, "expansion": 2, "local_expansion": 2, "partial_eighths": 2, "pooling_log2": 3}
    return {**fixed, "width": width, "blocks": blocks}


MACS = Counting(channels=3, rules=(Rule.COARSE_AT_FULL_SIZE,))


@register
class SmfaNet(SkippedSpace):
    """Size, the expansions of both mixers, the share of convolved features and the coarseness of the modulation."""

    name: ClassVar[str] = "smfanet"
    summary: ClassVar[str] = "self-modulated features beside convolutional ones (2024)"
    minimum_side: ClassVar[int] = 2  # the variance of a single pixel is not defined
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(8, 65, 4),
        "blocks": range(1, 17),
        "expansion": range(1, 4),
        "local_expansion": range(1, 4),
        "partial_eighths": range(1, 5),
        "pooling_log2": range(1, 5),
    }
    smallest: ClassVar[Choices] = {
        "image_skip": False,
        "width": 8,
        "blocks": 1,
        "expansion": 1,
        "local_expansion": 1,
        "partial_eighths": 1,
        "pooling_log2": 4,
    }
    published: ClassVar = {
        "SMFANet": Published(
            point(36, 8),
            Claim(
                "SMFANet, ECCV 2024, table 1", 186_000, 41_000_000_000, 38.08, params_counted=COLOUR, macs_counted=MACS
            ),
        ),
        "SMFANet-plus": Published(
            point(48, 12),
            Claim(
                "SMFANet, ECCV 2024, table 2", 480_000, 108_000_000_000, 38.19, params_counted=COLOUR, macs_counted=MACS
            ),
        ),
    }
    authors_names: ClassVar = (
        (r"^to_feat\.", "head."),
        (r"^to_img\.", "tail."),
        (r"^feats\.", "blocks."),
        (r"\.smfa\.linear_0\.", ".modulation.split."),
        (r"\.smfa\.linear_1\.", ".modulation.map."),
        (r"\.smfa\.linear_2\.", ".modulation.mix."),
        (r"\.smfa\.dw_conv\.", ".modulation.coarse."),
        (r"\.smfa\.lde\.conv_0\.", ".modulation.local."),
        (r"\.smfa\.lde\.conv_1\.", ".modulation.local.3."),
        (r"\.smfa\.alpha$", ".modulation.alpha"),
        (r"\.smfa\.belt$", ".modulation.beta"),
        (r"\.pcfn\.conv_0\.", ".mixer.expand."),
        (r"\.pcfn\.conv_1\.", ".mixer.partial."),
        (r"\.pcfn\.conv_2\.", ".mixer.project."),
    )

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution; see `SmfaNetwork`."""
        network = SmfaNetwork(read_choices(SmfaNetChoices, choices), scale, channels)
        return network, network.tail.last

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part]:
        """Return head, blocks and tail."""
        chosen = read_choices(SmfaNetChoices, choices)
        width = chosen.width
        block = (width, chosen.expansion, chosen.local_expansion, chosen.partial_eighths, chosen.divisor)
        return [
            Part(conv, (channels, width), channels),
            Part(SelfModulatedBlock, block, width, repeats=chosen.blocks),
            Part(PixelShuffleDirect, (width, channels, scale), width),
        ]
