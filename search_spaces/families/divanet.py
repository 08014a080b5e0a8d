"""DiVANet: attention from variances along rows and columns (Behjati et al., Directional variance attention, 2023).

The network: a 3x3 head; groups of blocks; a grouped convolution, ReLU and pixel shuffle for each factor of the scale; a
3x3 to the image, added to the bicubically enlarged input. A block returns its features and, separately, the attention
to them. A group merges its input with the features of all its blocks, adds its input and the merged attentions, and
passes the merged attentions on as its own attention. The network merges its groups in the same way. All convolutions
except those of the attention are weight-normalised. A colour mean is subtracted and added back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.choices import Choices, Values, read_choices
from search_spaces.layers.conv import conv
from search_spaces.layers.interpolation import Interpolation
from search_spaces.layers.mean_shift import MeanShift, around
from search_spaces.layers.upsample import factors
from search_spaces.part import Part
from search_spaces.published import ARTICLE, COLOUR, Claim, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register


@dataclass(frozen=True)
class DivaNetChoices:
    """The choices of `divanet`: `groups` of `blocks`, each with a waist given in tenths of the width."""

    image_skip: bool
    width: int
    expansion: int
    waist_tenths: int
    blocks: int
    groups: int
    tail_groups_log2: int

    @property
    def tail_groups(self) -> int:
        """Number of groups in the convolution that enlarges."""
        return 1 << self.tail_groups_log2


class NormedConv(nn.Module):
    """A convolution whose weights are direction times length (weight normalisation, arXiv 1602.07868)."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, groups: int = 1) -> None:
        super().__init__()
        start = conv(inputs, outputs, kernel, groups=groups)
        self.direction = start.weight
        self.gain = nn.Parameter(self._length().detach())
        self.bias = start.bias
        self.padding, self.groups = kernel // 2, groups

    def forward(self, features: Tensor) -> Tensor:
        """[N, inputs, H, W] → [N, outputs, H, W]."""
        weight = self.direction * (self.gain / self._length())
        return F.conv2d(features, weight, self.bias, padding=self.padding, groups=self.groups)

    def _length(self) -> Tensor:
        return self.direction.square().sum(dim=(1, 2, 3), keepdim=True).sqrt()


class VarianceAttention(nn.Module):
    """Features times two gates per channel: one for each row, from its variance, and one for each column."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.rows, self.columns = conv(width, width, 1), conv(width, width, 1)

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        rows = torch.sigmoid(self.rows(features.var(dim=3, correction=0, keepdim=True)))
        columns = torch.sigmoid(self.columns(features.var(dim=2, correction=0, keepdim=True)))
        return features * columns * rows


class VarianceBlock(nn.Module):
    """A wide 1x1, ReLU, a narrow 1x1 and a 3x3; returns x + their output, and the attention to their output."""

    def __init__(self, width: int, expansion: int, waist_tenths: int) -> None:
        super().__init__()
        inner, waist = expansion * width, width * waist_tenths // 10
        self.body = nn.Sequential(
            NormedConv(width, inner, 1), nn.ReLU(), NormedConv(inner, waist, 1), NormedConv(waist, width)
        )
        self.attention = VarianceAttention(width)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """[N, width, H, W] → twice the same shape: features and their attention."""
        answer = self.body(features)
        return features + answer, self.attention(answer)


class Bank(nn.Module):
    """A sequence of modules that return features and attention; a 1x1 and ReLU merges each of the two."""

    def __init__(self, row: Iterable[nn.Module], width: int) -> None:
        super().__init__()
        self.row = nn.ModuleList(row)
        count = len(self.row)
        self.features = NormedConv((count + 1) * width, width, 1)
        self.attentions = NormedConv(count * width, width, 1)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """[N, width, H, W] → twice the same shape: features and their attention."""
        outputs, attentions = [features], []
        for part in self.row:
            output, attention = part(outputs[-1])
            outputs.append(output)
            attentions.append(attention)
        attention = F.relu(self.attentions(torch.cat(attentions, dim=1)))
        return F.relu(self.features(torch.cat(outputs, dim=1))) + features + attention, attention


class DivaNetwork(nn.Module):
    """Head, a bank of banks of blocks, tail; colour mean and enlarged image around them unless `image_skip` is on."""

    def __init__(self, chosen: DivaNetChoices, scale: int, channels: int) -> None:
        super().__init__()
        width = chosen.width
        self.interpolation = Interpolation(scale)
        self.shift = None if chosen.image_skip else MeanShift(channels)
        self.head = NormedConv(channels, width)
        banks = []
        for _ in range(chosen.groups):
            blocks = [VarianceBlock(width, chosen.expansion, chosen.waist_tenths) for _ in range(chosen.blocks)]
            banks.append(Bank(blocks, width))
        self.bank = Bank(banks, width)
        self.tail = _tail(width, channels, scale, chosen.tail_groups, ordinary=chosen.image_skip)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        return around(self.shift, self._computed, image)

    def _computed(self, image: Tensor) -> Tensor:
        features, _ = self.bank(self.head(image))
        output = self.tail(features)
        return output if self.shift is None else output + self.interpolation(image)


def _tail(width: int, channels: int, scale: int, groups: int, ordinary: bool) -> nn.Sequential:
    """Return the tail. Its last convolution is `ordinary` within an `ImageSkip`, where it starts at zero.

    A normalised convolution that starts at zero could at first learn only one number per output.
    """
    layers: list[nn.Module] = []
    for factor in factors(scale):
        layers += [NormedConv(width, width * factor**2, groups=groups), nn.ReLU(), nn.PixelShuffle(factor)]
    last = conv(width, channels) if ordinary else NormedConv(width, channels)
    return nn.Sequential(nn.Sequential(*layers), last)


@register
class DivaNet(SkippedSpace):
    """The widths within a block, blocks per group, groups, and the groups of the enlarging convolution."""

    name: ClassVar[str] = "divanet"
    summary: ClassVar[str] = "attention from variances along rows and columns, kept in banks (2023)"
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(16, 81, 8),
        "expansion": range(1, 9),
        "waist_tenths": range(2, 13),
        "blocks": range(1, 6),
        "groups": range(1, 6),
        "tail_groups_log2": range(4),
    }
    smallest: ClassVar[Choices] = {
        "image_skip": True,
        "width": 16,
        "expansion": 1,
        "waist_tenths": 2,
        "blocks": 1,
        "groups": 1,
        "tail_groups_log2": 3,
    }
    published: ClassVar = {
        "DiVANet": Published(
            {
                "image_skip": False,
                "width": 64,
                "expansion": 6,
                "waist_tenths": 8,
                "blocks": 3,
                "groups": 3,
                "tail_groups_log2": 2,
            },
            Claim(
                "github.com/pbehjatii/DiVANet, table of results",
                902_000,
                189_000_000_000,
                38.16,
                params_counted=COLOUR,
                macs_counted=COLOUR,
            ),
            Claim(ARTICLE, 939_000, 57_000_000_000, scale=4, params_counted=COLOUR, macs_counted=COLOUR),
        ),
    }
    authors_names: ClassVar = (
        (r"^(sub|add)_mean\..*", ""),
        (r"^entry_1\.", "head."),
        (r"^upsample\.up\.body\.", "tail.0."),
        (r"^exit1\.", "tail.1."),
        *((rf"^b{group + 1}\.", f"bank.row.{group}.") for group in range(5)),
        *((rf"\.rb{block + 1}\.", f".row.{block}.") for block in range(5)),
        (r"^reduction_", "bank.reduction_"),
        (r"\.reduction_1\.conv\.", ".features."),
        (r"\.reduction_2\.conv\.", ".attentions."),
        (r"\.DiVA\.conv_h\.", ".attention.rows."),
        (r"\.DiVA\.conv_w\.", ".attention.columns."),
        (r"\.weight_g$", ".gain"),
        (r"\.weight_v$", ".direction"),
    )

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution; see `DivaNetwork`."""
        network = DivaNetwork(read_choices(DivaNetChoices, choices), scale, channels)
        return network, network.tail[-1]

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part]:
        """Return head, blocks, the merging convolutions of both levels and tail."""
        chosen = read_choices(DivaNetChoices, choices)
        width, groups, blocks = chosen.width, chosen.groups, chosen.blocks
        merges = [(blocks + 1, groups), (blocks, groups), (groups + 1, 1), (groups, 1)]
        return [
            Part(NormedConv, (channels, width), channels),
            Part(VarianceBlock, (width, chosen.expansion, chosen.waist_tenths), width, repeats=groups * blocks),
            *(Part(NormedConv, (count * width, width, 1), count * width, repeats=repeats) for count, repeats in merges),
            Part(_tail, (width, channels, scale, chosen.tail_groups, chosen.image_skip), width),
        ]
