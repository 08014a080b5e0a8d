"""LESRCNN: 3x3 and 1x1 convolutions alternate, then a refinement at the high resolution (arXiv 2007.04344)."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.choices import Choices, Values, read_choices
from search_spaces.layers.conv import conv
from search_spaces.layers.initialisation import keep_variance, start_small
from search_spaces.layers.mean_shift import MeanShift, around
from search_spaces.layers.upsample import PixelShuffleSteps
from search_spaces.published import ARTICLE, UNEXPLAINED, Claim, Counting, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register


@dataclass(frozen=True)
class LesrcnnChoices:
    """The choices of `lesrcnn`."""

    image_skip: bool
    width: int
    blocks: int
    second_kernel: int
    refinements: int


class HeterogeneousBlock(nn.Module):
    """ReLU(x + conv(ReLU(conv x))) without biases; in the authors' network the first is 3x3, the second 1x1.

    The authors' code rectifies in place, so their skips carry rectified features. Their weights need that.
    """

    def __init__(self, width: int, second_kernel: int) -> None:
        super().__init__()
        self.first = conv(width, width, bias=False)
        self.second = conv(width, width, second_kernel, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        return F.relu(features + self.second(F.relu(self.first(features))))


class LesrcnnNetwork(nn.Module):
    """Head, blocks, one upsampler for the features of both head and blocks, and the refinement of their sum.

    The convolutions of the refinement work at the high resolution: they are half of the network's cost.
    """

    def __init__(self, chosen: LesrcnnChoices, scale: int, channels: int) -> None:
        super().__init__()
        width = chosen.width
        self.shift = None if chosen.image_skip else MeanShift(channels)
        self.head = conv(channels, width, bias=False)
        blocks = [HeterogeneousBlock(width, chosen.second_kernel) for _ in range(chosen.blocks)]
        self.blocks = nn.Sequential(*blocks)
        self.upsample = PixelShuffleSteps(width, scale)
        refinements: list[nn.Module] = []
        for _ in range(chosen.refinements):
            refinements += [conv(width, width, bias=False), nn.ReLU()]
        self.refine = nn.Sequential(*refinements)
        keep_variance(self)
        for block in blocks:
            start_small(block.second)
        self.last = conv(width, channels, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        return around(self.shift, self._computed, image)

    def _computed(self, image: Tensor) -> Tensor:
        head = F.relu(self.head(image))
        merged = self.upsample(self.blocks(head)) + self.upsample(head)
        return self.last(self.refine(F.relu(merged)))


LESRCNN: Choices = {"image_skip": False, "width": 64, "blocks": 8, "second_kernel": 1, "refinements": 4}


@register
class Lesrcnn(SkippedSpace):
    """The authors' network at scale 4 upsamples in two steps, each with weights of its own."""

    name: ClassVar[str] = "lesrcnn"
    summary: ClassVar[str] = "alternating 3x3 and 1x1 convolutions, refined at the high resolution (2020)"
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(8, 97, 8),
        "blocks": range(1, 17),
        "second_kernel": range(1, 4, 2),
        "refinements": range(7),
    }
    smallest: ClassVar[Choices] = {**LESRCNN, "width": 8, "blocks": 1, "refinements": 0}
    published: ClassVar = {
        "LESRCNN": Published(
            LESRCNN,
            Claim(
                "arXiv 2007.04344, tables 4 and 9",
                516_000,
                3_080_000_000,
                37.65,
                hr=(128, 128),
                note="the released network has 626,304 parameters",
                params_counted=Counting(replaced={"refinements": 1}, channels=3),
                macs_counted=UNEXPLAINED,
            ),
            Claim(
                ARTICLE,
                516_000,
                3_080_000_000,
                hr=(128, 128),
                note="the paper's row",
                params_counted=Counting(replaced={"refinements": 1}, channels=3),
                macs_counted=UNEXPLAINED,
            ),
        ),
    }
    authors_names: ClassVar = (
        (r"^(sub|add)_mean\..*", ""),
        (r"^upsample\.up(?:{scale})?\.body\.", "upsample."),
        (r"^upsample\.up.*", ""),
        (r"^conv1\.0\.", "head."),
        (r"^conv18\.0\.", "last."),
        *((rf"^conv17_{i}\.0\.", f"refine.{2 * i - 2}.") for i in range(1, 5)),
        *((rf"^conv{2 * i + 2}\.0\.", f"blocks.{i}.first.") for i in range(8)),
        *((rf"^conv{2 * i + 3}\.0\.", f"blocks.{i}.second.") for i in range(8)),
    )

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution."""
        network = LesrcnnNetwork(read_choices(LesrcnnChoices, choices), scale, channels)
        return network, network.last
