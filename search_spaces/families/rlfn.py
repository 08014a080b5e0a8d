"""RLFN: RFDN without distillation, which made it fast (Kong et al., arXiv 2205.07514).

The pruned network, which won the runtime track of NTIRE 2022, has fewer blocks, and fewer channels between blocks than
within.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from search_spaces.choices import Choice, Choices, Values, read_choices
from search_spaces.layers import spatial_attention
from search_spaces.layers.collapsible import start_chain
from search_spaces.layers.conv import conv
from search_spaces.layers.mean_shift import RANGE, MeanShift, around
from search_spaces.layers.spatial_attention import EnhancedSpatialAttention
from search_spaces.layers.upsample import PixelShuffleDirect
from search_spaces.part import Part
from search_spaces.published import COLOUR, Claim, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register

SLOPE = 0.05


@dataclass(frozen=True)
class RlfnChoices:
    """The choices of `rlfn`: `blocks` of `convs` convolutions, `width` channels between and `inner` within blocks."""

    image_skip: bool
    width: int
    inner: int
    blocks: int
    convs: int
    attention_width: int


class LocalFeatures(nn.Module):
    """Activated convolutions with a skip around them, a 1x1, spatial attention (RLFB).

    [N, width, H, W] → the same shape.
    """

    def __init__(self, width: int, inner: int, convs: int, attention_width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = width
        for outputs in [*[inner] * (convs - 1), width]:
            layer = conv(inputs, outputs)
            start_chain(layer, SLOPE)
            layers += [layer, nn.LeakyReLU(SLOPE)]
            inputs = outputs
        self.convs = nn.Sequential(*layers)
        self.mix = conv(width, width, 1)
        start_chain(self.mix, slope=1.0)  # no activation follows
        self.spatial = EnhancedSpatialAttention(width, attention_width, depth=1)

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        return self.spatial(self.mix(features + self.convs(features)))


class RlfnNetwork(nn.Module):
    """Head, blocks and a convolution with a skip over everything, one pixel shuffle.

    Without an image skip, the range is widened to 0..255, which the authors' weights expect.
    """

    def __init__(self, chosen: RlfnChoices, scale: int, channels: int) -> None:
        super().__init__()
        width = chosen.width
        self.range = None if chosen.image_skip else MeanShift(channels, (0.0,) * channels, RANGE)
        self.head = conv(channels, width)
        self.blocks = nn.Sequential()
        for _ in range(chosen.blocks):
            self.blocks.append(LocalFeatures(width, chosen.inner, chosen.convs, chosen.attention_width))
        self.trunk = conv(width, width)
        self.tail = PixelShuffleDirect(width, channels, scale)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        return around(self.range, self._computed, image)

    def _computed(self, image: Tensor) -> Tensor:
        head = self.head(image)
        return self.tail(head + self.trunk(self.blocks(head)))


def point(width: int, inner: int, blocks: int) -> dict[str, Choice]:
    """Return the choices of the authors' networks, which differ only in size."""
    size: dict[str, Choice] = {"width": width, "inner": inner, "blocks": blocks}
    return {"image_skip": False, **size, "convs": 3, "attention_width": 16}


_BLOCKS = range(1, 13)


@register
class Rlfn(SkippedSpace):
    """Widths between and within blocks, number of blocks, convolutions per block, width of the attention."""

    name: ClassVar[str] = "rlfn"
    summary: ClassVar[str] = "residual blocks of plain convolutions with spatial attention: RLFN (2022)"
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(8, 81, 2),
        "inner": range(8, 81, 2),
        "blocks": _BLOCKS,
        "convs": range(2, 5),
        "attention_width": range(4, 33, 4),
    }
    smallest: ClassVar[Choices] = {**point(8, 8, 1), "convs": 2, "attention_width": 4}
    published: ClassVar = {
        "RLFN": Published(point(52, 52, 6), Claim("arXiv 2205.07514", 527_000, psnr=38.07, params_counted=COLOUR)),
        "RLFN-S": Published(point(48, 48, 6), Claim("arXiv 2205.07514", 454_000, psnr=38.05, params_counted=COLOUR)),
        "RLFN-NTIRE": Published(
            point(46, 48, 4),
            Claim(
                "github.com/bytedance/RLFN, RLFN_ntire",
                317_000,
                19_700_000_000,
                scale=4,
                lr=(256, 256),
                params_counted=COLOUR,
                macs_counted=COLOUR,
            ),
            scale=4,
        ),
    }
    authors_names: ClassVar = (
        (r"^module\.", ""),
        (r"^conv_1\.", "head."),
        (r"^conv_2\.", "trunk."),
        (r"^upsampler\.", "tail."),
        *((rf"^block_{i + 1}\.", f"blocks.{i}.") for i in range(len(_BLOCKS))),
        *((rf"\.c{i + 1}_r\.", f".convs.{2 * i}.") for i in range(3)),
        (r"\.c5\.", ".mix."),
        (r"\besa\.conv3\.", "spatial.body.0."),
        *spatial_attention.AUTHORS_NAMES,
    )

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution; see `RlfnNetwork`."""
        network = RlfnNetwork(read_choices(RlfnChoices, choices), scale, channels)
        return network, network.tail.last

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part]:
        """Return head, blocks, the convolution after them and tail."""
        chosen = read_choices(RlfnChoices, choices)
        width = chosen.width
        block = (width, chosen.inner, chosen.convs, chosen.attention_width)
        return [
            Part(conv, (channels, width), channels),
            Part(LocalFeatures, block, width, repeats=chosen.blocks),
            Part(conv, (width, width), width),
            Part(PixelShuffleDirect, (width, channels, scale), width),
        ]
