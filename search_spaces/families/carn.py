"""CARN: residual units whose outputs cascade into 1x1 fusions, twice nested (Ahn et al., arXiv 1803.08664)."""

from collections.abc import Sequence
from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.choices import Choices, Values
from search_spaces.layers.conv import conv
from search_spaces.layers.initialisation import keep_variance, start_small
from search_spaces.layers.mean_shift import MeanShift, around
from search_spaces.layers.upsample import PixelShuffleSteps
from search_spaces.part import Part
from search_spaces.published import ARTICLE, Claim, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register


class Unit(nn.Module):
    """ReLU(x + body x): two 3x3 convolutions with a ReLU between, or the `efficient` body, which a 1x1 ends."""

    def __init__(self, width: int, groups: int, *, efficient: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = [conv(width, width, groups=groups), nn.ReLU(), conv(width, width, groups=groups)]
        layers += [nn.ReLU(), conv(width, width, 1)] if efficient else []
        self.body = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        return F.relu(features + cast(Tensor, self.body(features)))


class Cascade(nn.Module):
    """`steps` times: run a unit, and fuse its output and all before it, the input included, by a 1x1 and a ReLU.

    Fewer units than steps are used in turn: one unit is shared by all steps.
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

    def __init__(self, choices: Choices, scale: int, channels: int, *, shift: bool) -> None:
        super().__init__()
        blocks = cast(int, choices["blocks"])
        width, groups, *_ = block = _block(choices)
        self.shift = MeanShift(channels) if shift else None
        self.head = conv(channels, width)
        self.body = Cascade([_cascade(*block) for _ in range(blocks)], blocks, width)
        self.upsample = _upsample(width, groups, scale)
        keep_variance(self)
        for module in self.modules():
            if isinstance(module, Unit):
                start_small(module.body[-1])
        self.last = conv(width, channels)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        return around(self.shift, self._computed, image)

    def _computed(self, image: Tensor) -> Tensor:
        return cast(Tensor, self.last(self.upsample(self.body(self.head(image)))))


def _block(choices: Choices) -> tuple[int, int, bool, int, int]:
    """Return what `_cascade` takes."""
    width, units = cast(int, choices["width"]), cast(int, choices["units"])
    count = 1 if choices["shared_units"] else units
    return width, 1 << cast(int, choices["groups_log2"]), choices["unit"] == "efficient", count, units


def _cascade(width: int, groups: int, efficient: bool, count: int, steps: int) -> Cascade:
    return Cascade([Unit(width, groups, efficient=efficient) for _ in range(count)], steps, width)


def _upsample(width: int, groups: int, scale: int) -> PixelShuffleSteps:
    return PixelShuffleSteps(width, scale, groups=groups, activation=nn.ReLU)


def _tail(width: int, channels: int, groups: int, scale: int) -> nn.Sequential:
    return nn.Sequential(_upsample(width, groups, scale), conv(width, channels))


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
                note="params are of the three tails for x2, x3 and x4 together",
            ),
        ),
        "CARN-M": Published(
            CARN_M,
            Claim(
                "arXiv 1803.08664, table 1",
                412_000,
                91_200_000_000,
                37.53,
                note="params are the weights, without biases, of the three tails for x2, x3 and x4 together",
            ),
            Claim(
                ARTICLE,
                412_000,
                91_200_000_000,
                note="the paper's row: params of three tails together, at HR 1280x720",
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
        network = CarnNetwork(choices, scale, channels, shift=not choices["image_skip"])
        return network, network.last

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part]:
        """Return head, cascades of units, the fusions of their outputs and tail."""
        blocks = cast(int, choices["blocks"])
        width, groups, *_ = block = _block(choices)
        fused = [(step + 2) * width for step in range(blocks)]
        return [
            Part(conv, (channels, width), channels),
            Part(_cascade, block, width, repeats=blocks),
            *(Part(conv, (inputs, width, 1), inputs) for inputs in fused),
            Part(_tail, (width, channels, groups, scale), width),
        ]
