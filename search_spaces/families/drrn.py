"""DRRN: residual units that share their weights, on the enlarged image (Tai et al., CVPR 2017)."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from search_spaces.choices import Choice, Choices, Values, read_choices
from search_spaces.layers.conv import conv
from search_spaces.layers.enlarged import Enlarged
from search_spaces.layers.initialisation import keep_variance, start_small
from search_spaces.published import ARTICLE, Claim, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register


@dataclass(frozen=True)
class DrrnChoices:
    """The choices of `drrn`: `blocks` of `units`."""

    image_skip: bool
    width: int
    blocks: int
    units: int
    shared_units: bool


class RecursiveBlock(nn.Module):
    """h0 = conv(ReLU x), then `units` times h = conv(ReLU(conv(ReLU h))) + h0: every unit adds to the same h0.

    If `shared`, one unit is applied repeatedly. No convolution has a bias.
    """

    def __init__(self, inputs: int, width: int, units: int, *, shared: bool, rectify: bool) -> None:
        super().__init__()
        self.rectify = nn.ReLU() if rectify else nn.Identity()
        self.entry = conv(inputs, width, bias=False)
        lasts = []
        self.units = nn.ModuleList()
        for _ in range(1 if shared else units):
            first, last = conv(width, width, bias=False), conv(width, width, bias=False)
            self.units.append(nn.Sequential(nn.ReLU(), first, nn.ReLU(), last))
            lasts.append(last)
        self.count = units
        keep_variance(self)
        for last in lasts:
            start_small(last)

    def forward(self, features: Tensor) -> Tensor:
        """[N, inputs, H, W] → [N, width, H, W]."""
        first = self.entry(self.rectify(features))
        present = first
        for i in range(self.count):
            present = first + self.units[i % len(self.units)](present)
        return present


class DrrnBody(nn.Module):
    """`blocks` recursive blocks and the convolution that writes the image.

    As in the authors' network, the first block applies its ReLU to the image itself: this only cuts the undershoots of
    interpolation. Within an `ImageSkip` the image lies around zero, so the first block has no ReLU.
    """

    def __init__(self, chosen: DrrnChoices, channels: int) -> None:
        super().__init__()
        width = chosen.width
        self.blocks = nn.Sequential()
        for i in range(chosen.blocks):
            rectify = i > 0 or not chosen.image_skip
            inputs = width if i else channels
            block = RecursiveBlock(inputs, width, chosen.units, shared=chosen.shared_units, rectify=rectify)
            self.blocks.append(block)
        self.relu = nn.ReLU()
        self.last = conv(width, channels, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] → the same shape."""
        return self.last(self.relu(self.blocks(image)))


def point(units: int) -> dict[str, Choice]:
    """Return the choices of the authors' network with one block and this many units."""
    return {"image_skip": False, "width": 128, "blocks": 1, "units": units, "shared_units": True}


PAPER = "Tai et al., CVPR 2017"


@register
class Drrn(SkippedSpace):
    """DRRN_BxUy has x `blocks` of y `units`.

    Shared weights make it small in parameters, but it needs as many multiply-adds as networks without sharing. A
    PyTorch port (jt827859032/DRRN-pytorch) rectifies in place, so that its units add to ReLU(h0); the weights of this
    port need that and do not fit here.
    """

    name: ClassVar[str] = "drrn"
    summary: ClassVar[str] = "weight-sharing residual units on the bicubically enlarged image (2017)"
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(16, 129, 16),
        "blocks": range(1, 5),
        "units": range(2, 31),
        "shared_units": (False, True),
    }
    smallest: ClassVar[Choices] = {**point(2), "width": 16}
    published: ClassVar = {
        "DRRN-B1U25": Published(
            point(25),
            Claim(f"{PAPER}; table of CARN (arXiv 1803.08664)", 297_000, 6_796_900_000_000, 37.74),
            Claim(ARTICLE, 297_000, 6_796_000_000_000, 37.66, note="the PSNR is that of DRRN-B1U9"),
        ),
        "DRRN-B1U9": Published(point(9), Claim(PAPER, 297_000, None, 37.66)),
    }
    authors_names: ClassVar = (
        (r"^input\.", "body.blocks.0.entry."),
        (r"^conv1\.", "body.blocks.0.units.0.1."),
        (r"^conv2\.", "body.blocks.0.units.0.3."),
        (r"^output\.", "body.last."),
    )

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution."""
        chosen = read_choices(DrrnChoices, choices)
        body = DrrnBody(chosen, channels)
        return Enlarged(body, scale, within_skip=chosen.image_skip, skip=not chosen.image_skip), body.last
