"""RRDB: the generator of ESRGAN, BSRGAN and Real-ESRGAN, residual blocks of residual dense blocks.

Wang et al., arXiv 1809.00219. The three differ in how they are trained, on what degradations, and in their ends: the
x2 network of BSRGAN (arXiv 2103.14006) enlarges once; that of Real-ESRGAN (arXiv 2107.10833) shuffles the image to half
its size and four times its channels, then is the x4 network. There is no global skip from the image.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.choices import Choices, Values, read_choices
from search_spaces.layers.conv import bias_of, conv
from search_spaces.layers.upsample import factors
from search_spaces.layers.window import pad_to_multiple
from search_spaces.part import Part
from search_spaces.published import ARTICLE, ARTICLE_LR, Claim, Counting, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register

SLOPE = 0.2
"""Slope of every leaky ReLU below zero."""
RESIDUAL = 0.2
"""Factor of the output that a dense block, or a chain of them, adds to its input."""


@dataclass(frozen=True)
class RrdbChoices:
    """The choices of `rrdb`: `layers` per dense block, `dense_blocks` per block."""

    image_skip: bool
    width: int
    growth: int
    layers: int
    dense_blocks: int
    blocks: int
    unshuffle_log2: int

    @property
    def shrink(self) -> int:
        """Factor by which the image is smaller in the body."""
        return 1 << self.unshuffle_log2


class DenseBlock(nn.Module):
    """Convolutions that each take the input and all earlier outputs; x + 0.2 · the last output."""

    def __init__(self, width: int, growth: int, layers: int) -> None:
        super().__init__()
        outputs = [growth] * (layers - 1) + [width]
        convs = [conv(width + i * growth, output) for i, output in enumerate(outputs)]
        for layer in convs:
            # The authors' initialisation: nearly the identity at any depth.
            nn.init.kaiming_normal_(layer.weight).data.mul_(0.1)
            nn.init.zeros_(bias_of(layer))
        self.convs = nn.ModuleList(convs)

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        seen = features
        for layer in self.convs[:-1]:
            seen = torch.cat([seen, F.leaky_relu(layer(seen), SLOPE)], dim=1)
        return features + RESIDUAL * self.convs[-1](seen)


class ResidualDenseBlocks(nn.Module):
    """x + 0.2 · a chain of dense blocks."""

    def __init__(self, width: int, growth: int, layers: int, dense_blocks: int) -> None:
        super().__init__()
        self.chain = nn.Sequential(*(DenseBlock(width, growth, layers) for _ in range(dense_blocks)))

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        return features + RESIDUAL * self.chain(features)


class NearestTail(nn.Module):
    """Nearest neighbour and a convolution for each step of the factor, then two convolutions.

    Features → image, `factor` times larger.
    """

    def __init__(self, width: int, channels: int, factor: int) -> None:
        super().__init__()
        self.factors = factors(factor)
        self.enlarge = nn.ModuleList(conv(width, width) for _ in self.factors)
        self.high = conv(width, width)
        self.last = conv(width, channels)

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → [N, channels, factor·H, factor·W]."""
        for factor, layer in zip(self.factors, self.enlarge, strict=True):
            larger = F.interpolate(features, scale_factor=float(factor), mode="nearest")
            features = F.leaky_relu(layer(larger), SLOPE)
        return self.last(F.leaky_relu(self.high(features), SLOPE))


class RrdbNetwork(nn.Module):
    """Head, blocks and a convolution with a skip around them, and the tail; between an unshuffle and a crop."""

    def __init__(self, chosen: RrdbChoices, scale: int, channels: int) -> None:
        super().__init__()
        width = chosen.width
        self.scale, self.shrink = scale, chosen.shrink
        self.head = conv(channels * self.shrink**2, width)
        blocks = []
        for _ in range(chosen.blocks):
            blocks.append(ResidualDenseBlocks(width, chosen.growth, chosen.layers, chosen.dense_blocks))
        self.blocks = nn.Sequential(*blocks)
        self.body_end = conv(width, width)
        self.tail = NearestTail(width, channels, scale * self.shrink)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        height, width = image.shape[2:]
        if self.shrink > 1:
            image = F.pixel_unshuffle(pad_to_multiple(image, (self.shrink, self.shrink)), self.shrink)
        head = self.head(image)
        enlarged = self.tail(head + self.body_end(self.blocks(head)))
        return enlarged[:, :, : height * self.scale, : width * self.scale]


def point(unshuffle_log2: int = 0) -> dict[str, int | bool]:
    """Return the choices of the authors' networks, which differ only in their input."""
    fixed = {"image_skip": False, "width": 64, "growth": 32, "layers": 5, "dense_blocks": 3, "blocks": 23}
    return {**fixed, "unshuffle_log2": unshuffle_log2}


@register
class Rrdb(SkippedSpace):
    """`unshuffle_log2` trades resolution for channels: the body works at a half or a quarter of the image's size."""

    name: ClassVar[str] = "rrdb"
    summary: ClassVar[str] = "residual dense blocks in residual blocks, the generator of ESRGAN (2018)"
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(16, 97, 8),
        "growth": range(8, 49, 8),
        "layers": range(2, 7),
        "dense_blocks": range(1, 4),
        "blocks": range(1, 25),
        "unshuffle_log2": range(3),
    }
    # The fewest multiply-adds; without unshuffling it would have a few thousand parameters less.
    smallest: ClassVar[Choices] = {
        "image_skip": False,
        "width": 16,
        "growth": 8,
        "layers": 2,
        "dense_blocks": 1,
        "blocks": 1,
        "unshuffle_log2": 2,
    }
    published: ClassVar = {
        "ESRGAN": Published(
            point(),
            Claim("arXiv 1809.00219", scale=4),
            Claim(ARTICLE, 16_700_000, 5_874_000_000_000, scale=4, lr=ARTICLE_LR, note="though its row says x2"),
            scale=4,
        ),
        "BSRGAN": Published(
            point(),
            Claim("arXiv 2103.14006"),
            Claim(ARTICLE, 16_660_000, 5_529_000_000_000, lr=ARTICLE_LR),
        ),
        "Real-ESRGAN-x2plus": Published(
            point(unshuffle_log2=1),
            Claim("arXiv 2107.10833"),
            Claim(
                ARTICLE,
                16_690_000,
                5_874_000_000_000,
                scale=4,
                lr=ARTICLE_LR,
                note="though its row says x2",
                params_counted=Counting("rrdb/ESRGAN"),
                macs_counted=Counting("rrdb/ESRGAN"),
            ),
        ),
    }
    authors_names: ClassVar = (
        (r"^conv_first\.", "head."),
        (r"^(RRDB_trunk|body)\.", "blocks."),
        (r"^(trunk_conv|conv_body)\.", "body_end."),
        (r"^(HRconv|conv_hr)\.", "tail.high."),
        (r"^conv_last\.", "tail.last."),
        *((rf"^(upconv|conv_up){step + 1}\.", f"tail.enlarge.{step}.") for step in range(4)),
        *((rf"\.(RDB|rdb){block + 1}\.", f".chain.{block}.") for block in range(3)),
        *((rf"\.conv{layer + 1}\.", f".convs.{layer}.") for layer in range(6)),
    )

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution; see `RrdbNetwork`."""
        network = RrdbNetwork(read_choices(RrdbChoices, choices), scale, channels)
        return network, network.tail.last

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part]:
        """Return head, blocks, the convolution after them and tail."""
        chosen = read_choices(RrdbChoices, choices)
        width, shrink = chosen.width, chosen.shrink
        block = (width, chosen.growth, chosen.layers, chosen.dense_blocks)
        return [
            Part(conv, (channels * shrink**2, width), channels * shrink**2, divisor=shrink),
            Part(ResidualDenseBlocks, block, width, divisor=shrink, repeats=chosen.blocks),
            Part(conv, (width, width), width, divisor=shrink),
            Part(NearestTail, (width, channels, scale * shrink), width, divisor=shrink),
        ]
