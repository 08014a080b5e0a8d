"""CARN: residual units whose outputs cascade into 1x1 fusions, twice nested (Ahn et al., arXiv 1803.08664)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.choices import Choices, Values, read_choices
from search_spaces.layers.conv import conv
from search_spaces.layers.initialisation import keep_variance, start_small
from search_spaces.layers.mean_shift import MeanShift, around
from search_spaces.layers.upsample import PixelShuffleSteps
from search_spaces.part import Part
from search_spaces.published import ARTICLE, COLOUR, Claim, Counting, Published, Rule
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register


@dataclass(frozen=True)
class CarnChoices:
    """The choices of `carn`: `blocks` of `units`, whose convolutions have 2^`groups_log2` groups."""

    image_skip: bool
    width: int
    blocks: int
    units: int
    unit: str
    shared_units: bool
    groups_log2: int

    @property
    def groups(self) -> int:
        """Number of groups in the convolutions of units and tail."""
        return 1 << self.groups_log2

    @property
    def efficient(self) -> bool:
        """Whether a 1x1 convolution ends each unit."""
        return self.unit == "efficient"

    @property
    def own_units(self) -> int:
        """Number of units in a block that have weights of their own."""
        return 1 if self.shared_units else self.units


class Unit(nn.Module):
    """ReLU(x + body x). The body is two 3x3 convolutions with a ReLU between, or `efficient`: it ends in a 1x1."""

    def __init__(self, width: int, groups: int, *, efficient: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = [conv(width, width, groups=groups), nn.ReLU(), conv(width, width, groups=groups)]
        layers += [nn.ReLU(), conv(width, width, 1)] if efficient else []
        self.body = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        return F.relu(features + self.body(features))


class Cascade(nn.Module):
    """Runs `steps` units; after each, a 1x1 and a ReLU fuse the outputs of all units so far and the input.

    If there are fewer units than steps, the units repeat: a single unit is shared by all steps.
    """

    def __init__(self, units: list[nn.Module], steps: int, width: int) -> None:
        super().__init__()
        self.units = nn.ModuleList(units)
        self.fusions = nn.ModuleList(
            nn.Sequential(conv((step + 2) * width, width, 1), nn.ReLU()) for step in range(steps)
        )

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        known = present = features
        for step, fusion in enumerate(self.fusions):
            known = torch.cat([known, self.units[step % len(self.units)](present)], dim=1)
            present = fusion(known)
        return present


class CarnNetwork(nn.Module):
    """Head, a cascade of cascades, grouped convolutions and pixel shuffles, and the output convolution."""

    def __init__(self, chosen: CarnChoices, scale: int, channels: int) -> None:
        super().__init__()
        width = chosen.width
        self.shift = None if chosen.image_skip else MeanShift(channels)
        self.head = conv(channels, width)
        blocks: list[nn.Module] = []
        for _ in range(chosen.blocks):
            blocks.append(_cascade(width, chosen.groups, chosen.efficient, chosen.own_units, chosen.units))
        self.body = Cascade(blocks, chosen.blocks, width)
        self.upsample = _upsample(width, chosen.groups, scale)
        keep_variance(self)
        for module in self.modules():
            if isinstance(module, Unit):
                start_small(module.body[-1])
        self.last = conv(width, channels)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        return around(self.shift, self._computed, image)

    def _computed(self, image: Tensor) -> Tensor:
        return self.last(self.upsample(self.body(self.head(image))))


def _cascade(width: int, groups: int, efficient: bool, own_units: int, steps: int) -> Cascade:
    return Cascade([Unit(width, groups, efficient=efficient) for _ in range(own_units)], steps, width)


def _upsample(width: int, groups: int, scale: int) -> PixelShuffleSteps:
    return PixelShuffleSteps(width, scale, groups=groups, activation=nn.ReLU)


def _tail(width: int, channels: int, groups: int, scale: int) -> nn.Sequential:
    return nn.Sequential(_upsample(width, groups, scale), conv(width, channels))


WEIGHTS_OF_ALL_TAILS = Counting(channels=3, rules=(Rule.ALL_TAILS, Rule.NO_BIASES))

CARN: Choices = {
    "image_skip": False,
    "width": 64,
    "blocks": 3,
    "units": 3,
    "unit": "residual",
    "shared_units": False,
    "groups_log2": 0,
}
CARN_M: Choices = {**CARN, "unit": "efficient", "shared_units": True, "groups_log2": 2}


@register
class Carn(SkippedSpace):
    """CARN-M shares one efficient unit of four groups within each block; the tail has the same groups."""

    name: ClassVar[str] = "carn"
    summary: ClassVar[str] = "cascading residual units with 1x1 fusions, grouped and shared in CARN-M (2018)"
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(16, 129, 16),
        "blocks": range(1, 7),
        "units": range(2, 7),
        "unit": ("residual", "efficient"),
        "shared_units": (False, True),
        "groups_log2": range(4),
    }
    smallest: ClassVar[Choices] = {
        **CARN,
        "width": 16,
        "blocks": 1,
        "units": 2,
        "shared_units": True,
        "groups_log2": 3,
    }
    published: ClassVar = {
        "CARN": Published(
            CARN,
            Claim(
                "arXiv 1803.08664, table 1",
                1_592_000,
                222_800_000_000,
                37.76,
                params_counted=Counting(channels=3, rules=(Rule.ALL_TAILS,)),
                macs_counted=COLOUR,
            ),
        ),
        "CARN-M": Published(
            CARN_M,
            Claim(
                "arXiv 1803.08664, table 1",
                412_000,
                91_200_000_000,
                37.53,
                params_counted=WEIGHTS_OF_ALL_TAILS,
                macs_counted=COLOUR,
            ),
            Claim(
                ARTICLE,
                412_000,
                91_200_000_000,
                note="the paper's row",
                params_counted=WEIGHTS_OF_ALL_TAILS,
                macs_counted=COLOUR,
            ),
        ),
    }
    authors_names: ClassVar = (
        (r"^(sub|add)_mean\..*", ""),
        (r"^entry\.", "head."),
        (r"^exit\.", "last."),
        (r"^upsample\.up(?:{scale})?\.body\.", "upsample."),
        (r"^upsample\.up.*", ""),
        *((rf"^b{i}\.", f"body.units.{i - 1}.") for i in range(1, 7)),
        *((rf"^c{i}\.body\.", f"body.fusions.{i - 1}.") for i in range(1, 7)),
        *((rf"^(body\.units\.\d+)\.b{i}\.", rf"\1.units.{i - 1}.") for i in range(1, 7)),
        *((rf"^(body\.units\.\d+)\.c{i}\.body\.", rf"\1.fusions.{i - 1}.") for i in range(1, 7)),
    )

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution."""
        network = CarnNetwork(read_choices(CarnChoices, choices), scale, channels)
        return network, network.last

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part]:
        """Return head, cascades of units, the fusions of their outputs and tail."""
        chosen = read_choices(CarnChoices, choices)
        width, groups = chosen.width, chosen.groups
        block = (width, groups, chosen.efficient, chosen.own_units, chosen.units)
        fused = [(step + 2) * width for step in range(chosen.blocks)]
        return [
            Part(conv, (channels, width), channels),
            Part(_cascade, block, width, repeats=chosen.blocks),
            *(Part(conv, (inputs, width, 1), inputs) for inputs in fused),
            Part(_tail, (width, channels, groups, scale), width),
        ]
