"""PAN: self-calibrated convolutions with pixel attention (Zhao et al., arXiv 2010.01073)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from search_spaces.choices import Choices, Values, read_choices
from search_spaces.layers.attention import PixelAttention
from search_spaces.layers.conv import conv
from search_spaces.layers.interpolation import Interpolation
from search_spaces.layers.upsample import factors
from search_spaces.part import Part
from search_spaces.published import ARTICLE, ARTICLE_LR, COLOUR, Claim, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register

SLOPE = 0.2


@dataclass(frozen=True)
class PanChoices:
    """The choices of `pan`. `tail_width`: channels at the high resolution."""

    image_skip: bool
    width: int
    blocks: int
    tail_width: int
    attention: bool


class SelfCalibratedBlock(nn.Module):
    """Two branches of half the width, one of them gated at each pixel (SCPA). [N, width, H, W] → the same shape."""

    def __init__(self, width: int, attention: bool) -> None:
        super().__init__()
        half = width // 2
        self.enter_plain = conv(width, half, 1, bias=False)
        self.enter_gated = conv(width, half, 1, bias=False)
        self.plain = conv(half, half, bias=False)
        self.gate = conv(half, half, 1) if attention else None
        self.gated = nn.Sequential(conv(half, half, bias=False), conv(half, half, bias=False))
        self.merge = conv(2 * half, width, 1, bias=False)
        self.activation = nn.LeakyReLU(SLOPE)

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        plain = self.plain(self.activation(self.enter_plain(features)))
        entered = self.activation(self.enter_gated(features))
        gated = self.gated[0](entered)
        if self.gate is not None:
            gated = gated * torch.sigmoid(self.gate(entered))
        both = torch.cat([plain, self.gated[1](gated)], dim=1)
        return features + self.merge(self.activation(both))


class Pan(nn.Module):
    """Head, blocks with a skip over all, enlargement by copied pixels and convolutions, and the bilinear image."""

    def __init__(self, chosen: PanChoices, scale: int, channels: int) -> None:
        super().__init__()
        width, attention = chosen.width, chosen.attention
        self.head = conv(channels, width)
        self.blocks = nn.Sequential(*(SelfCalibratedBlock(width, attention) for _ in range(chosen.blocks)))
        self.trunk = conv(width, width)
        self.upsample = _upsampler(width, chosen.tail_width, scale, attention)
        self.last = conv(chosen.tail_width, channels)
        self.own_skip = None if chosen.image_skip else Interpolation(scale, "bilinear")

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        head = self.head(image)
        output = self.last(self.upsample(head + self.trunk(self.blocks(head))))
        return output if self.own_skip is None else output + self.own_skip(image)


def _upsampler(width: int, tail_width: int, scale: int, attention: bool) -> nn.Sequential:
    """Return the upsampler: [N, width, H, W] → [N, tail_width, scale·H, scale·W], in one step for each factor."""
    steps: list[nn.Module] = []
    for factor in factors(scale):
        layers = [
            nn.Upsample(scale_factor=float(factor), mode="nearest"),
            conv(width if not steps else tail_width, tail_width),
            PixelAttention(tail_width) if attention else nn.Identity(),
            nn.LeakyReLU(SLOPE),
            conv(tail_width, tail_width),
            nn.LeakyReLU(SLOPE),
        ]
        steps.append(nn.Sequential(*layers))
    return nn.Sequential(*steps)


def _tail(width: int, tail_width: int, scale: int, channels: int, attention: bool) -> nn.Module:
    return nn.Sequential(_upsampler(width, tail_width, scale, attention), conv(tail_width, channels))


@register
class PanSpace(SkippedSpace):
    """Width (of both branches of a block together), depth, width at the high resolution, and attention."""

    name: ClassVar[str] = "pan"
    summary: ClassVar[str] = "self-calibrated convolutions with pixel attention (2020)"
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(8, 97, 8),
        "blocks": range(1, 33),
        "tail_width": range(4, 49, 4),
        "attention": (False, True),
    }
    smallest: ClassVar[Choices] = {
        "image_skip": False,
        "width": 8,
        "blocks": 1,
        "tail_width": 4,
        "attention": False,
    }
    published: ClassVar = {
        "PAN": Published(
            {"image_skip": False, "width": 40, "blocks": 16, "tail_width": 24, "attention": True},
            Claim("github.com/zhaohengyuan1/PAN, results/PANx2_DF2K", 261_403, None, 38.00, params_counted=COLOUR),
            Claim(ARTICLE, 261_000, 100_000_000_000, lr=ARTICLE_LR, params_counted=COLOUR, macs_counted=COLOUR),
        )
    }
    authors_names: ClassVar = (
        (r"^module\.", ""),
        (r"^conv_first\.", "head."),
        (r"^SCPA_trunk\.", "blocks."),
        (r"^trunk_conv\.", "trunk."),
        (r"\.conv1_a\.", ".enter_plain."),
        (r"\.conv1_b\.", ".enter_gated."),
        (r"\.k1\.0\.", ".plain."),
        (r"\.PAConv\.k2\.", ".gate."),
        (r"\.PAConv\.k3\.", ".gated.0."),
        (r"\.PAConv\.k4\.", ".gated.1."),
        (r"\.conv3\.", ".merge."),
        (r"^upconv1\.", "upsample.0.1."),
        (r"^att1\.", "upsample.0.2."),
        (r"^HRconv1\.", "upsample.0.4."),
        (r"^upconv2\.", "upsample.1.1."),
        (r"^att2\.", "upsample.1.2."),
        (r"^HRconv2\.", "upsample.1.4."),
        (r"^conv_last\.", "last."),
    )

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution; see `Pan`."""
        network = Pan(read_choices(PanChoices, choices), scale, channels)
        return network, network.last

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part]:
        """Return parts whose costs add up to the cost of the network."""
        chosen = read_choices(PanChoices, choices)
        width, attention = chosen.width, chosen.attention
        return [
            Part(conv, (channels, width), channels),
            Part(SelfCalibratedBlock, (width, attention), width, repeats=chosen.blocks),
            Part(conv, (width, width), width),
            Part(_tail, (width, chosen.tail_width, scale, channels, attention), width),
        ]
