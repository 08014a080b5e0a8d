"""LapSRN: a pyramid that doubles the image level by level (Lai et al., arXiv 1704.03915)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from search_spaces.choices import Choice, Choices, Values, read_choices
from search_spaces.layers.conv import conv
from search_spaces.layers.initialisation import keep_variance
from search_spaces.layers.upsample import factors
from search_spaces.published import ARTICLE, ARTICLE_LR, UNEXPLAINED, Claim, Counting, Published, Rule
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register

SLOPE = 0.2
"""The negative slope of LapSRN's activations; learned slopes start here."""


@dataclass(frozen=True)
class LapsrnChoices:
    """The choices of `lapsrn`: `depth` convolutions per level, `kernel` of the transposed convolutions."""

    image_skip: bool
    width: int
    depth: int
    kernel: int
    activation: str


def leaky_or_prelu(name: str, width: int) -> nn.Module:
    """Return a `leaky` ReLU or a `prelu` with one slope per channel."""
    return nn.PReLU(width, init=SLOPE) if name == "prelu" else nn.LeakyReLU(SLOPE)


class TransposedConv(nn.Module):
    """A transposed convolution to exactly `stride` times the size: [N, n, H, W] → [N, m, stride·H, stride·W].

    The kernel writes beyond this size. The excess is cut off on both sides; an odd row or column at the end.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, *, bias: bool = True) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(inputs, outputs, kernel, stride, (kernel - stride) // 2, bias=bias)
        self.odd = (kernel - stride) % 2

    def forward(self, features: Tensor) -> Tensor:
        """[N, inputs, H, W] → [N, outputs, stride·H, stride·W]."""
        enlarged = self.conv(features)
        return enlarged[..., : -self.odd, : -self.odd] if self.odd else enlarged


class ImageEnlarger(nn.Module):
    """One learned kernel for all colours, initially bilinear interpolation: [N, C, H, W] → [N, C, s·H, s·W]."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        kernel = 2 * stride - stride % 2
        self.enlarge = TransposedConv(1, 1, kernel, stride, bias=False)
        ramp = 1 - (torch.arange(kernel) - (kernel - 1) / 2).abs() / stride
        with torch.no_grad():
            self.enlarge.conv.weight.copy_(ramp[:, None] * ramp)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] → [N, C, stride·H, stride·W]."""
        enlarged = self.enlarge(image.flatten(0, 1).unsqueeze(1))
        return enlarged.reshape(*image.shape[:2], *enlarged.shape[-2:])


class Level(nn.Module):
    """Convolutions, a transposed convolution that enlarges the features, and a convolution that writes the detail."""

    def __init__(self, chosen: LapsrnChoices, stride: int, channels: int) -> None:
        super().__init__()
        width = chosen.width
        layers: list[nn.Module] = []
        for _ in range(chosen.depth):
            layers += [conv(width, width), leaky_or_prelu(chosen.activation, width)]
        layers += [TransposedConv(width, width, chosen.kernel, stride), leaky_or_prelu(chosen.activation, width)]
        self.features = nn.Sequential(*layers)
        keep_variance(self.features)
        self.detail = conv(width, channels)


class LapsrnNetwork(nn.Module):
    """The pyramid: each level enlarges the image beside the features and adds the level's detail.

    Within an `ImageSkip` only detail is carried, so the first level has nothing to enlarge. The authors' training
    compares the image of every level with a target of its size; the output is the image of the last level.
    """

    def __init__(self, chosen: LapsrnChoices, scale: int, channels: int) -> None:
        super().__init__()
        strides = factors(scale)
        self.own_skip = not chosen.image_skip
        self.head = nn.Sequential(conv(channels, chosen.width), leaky_or_prelu(chosen.activation, chosen.width))
        keep_variance(self.head)
        self.levels = nn.ModuleList(Level(chosen, stride, channels) for stride in strides)
        carried = strides if self.own_skip else strides[1:]
        self.images = nn.ModuleList(ImageEnlarger(stride) for stride in carried)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        features: Tensor = self.head(image)
        enlargers = iter(self.images)
        carried = [image] if self.own_skip else []
        for level in levels_of(self):
            features = level.features(features)
            detail = level.detail(features)
            carried = [detail + next(enlargers)(carried[-1]) if carried else detail]
        return carried[-1]


def levels_of(network: LapsrnNetwork) -> list[Level]:
    """Return the levels of the pyramid, the coarsest first."""
    return [level for level in network.levels if isinstance(level, Level)]


LAPSRN: dict[str, Choice] = {"image_skip": False, "width": 64, "depth": 10, "kernel": 3, "activation": "leaky"}


@register
class Lapsrn(SkippedSpace):
    """Scale 4 chains two levels, each with its own weights; scale 3, which the authors lack, is one level of stride 3.

    The authors' transposed convolutions of features are 3x3; those of a common port are 4x4 (`kernel`).
    """

    name: ClassVar[str] = "lapsrn"
    summary: ClassVar[str] = "a pyramid that doubles features and image level by level (2017)"
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(8, 97, 8),
        "depth": range(1, 21),
        "kernel": range(3, 5),
        "activation": ("leaky", "prelu"),
    }
    smallest: ClassVar[Choices] = {**LAPSRN, "width": 8, "depth": 1}
    published: ClassVar = {
        "LapSRN": Published(
            LAPSRN,
            Claim(
                "arXiv 1704.03915; table of CARN (arXiv 1803.08664)",
                813_000,
                29_900_000_000,
                37.52,
                params_counted=Counting(scale=4),
                macs_counted=Counting(lr=(320, 180), rules=(Rule.TRANSPOSED_AT_OUTPUT,)),
            ),
            Claim(
                ARTICLE,
                251_000,
                4_357_080_000_000,
                lr=ARTICLE_LR,
                note="251K stands in the table of IMDN, too; the multiply-adds are of a port",
                params_counted=UNEXPLAINED,
                macs_counted=Counting(replaced={"kernel": 4}, scale=8, rules=(Rule.TRANSPOSED_AT_OUTPUT,)),
            ),
        ),
    }

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and the convolutions that write the detail of its levels."""
        network = LapsrnNetwork(read_choices(LapsrnChoices, choices), scale, channels)
        return network, nn.ModuleList(level.detail for level in levels_of(network))
