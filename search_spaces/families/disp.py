"""DISP: chains of convolutions with skips around them, no attention (team 18 of NTIRE 2026, efficient SR).

Facts: github.com/Amazingren/NTIRE2026_ESR. A head; blocks of convolutions with SiLU after each, the input of the block
added after the last SiLU; a 1x1 convolution with a skip over everything; one convolution and a pixel shuffle.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from search_spaces.choices import Choice, Choices, Values, read_choices
from search_spaces.layers.activation import activation
from search_spaces.layers.conv import conv
from search_spaces.layers.initialisation import keep_variance, start_small
from search_spaces.layers.residual import Residual
from search_spaces.layers.upsample import PixelShuffleDirect
from search_spaces.part import Part
from search_spaces.published import COLOUR, Claim, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register


@dataclass(frozen=True)
class DispChoices:
    """The choices of `disp`: `blocks` of `convs` convolutions, all of `width` channels."""

    image_skip: bool
    width: int
    blocks: int
    convs: int
    activation: str


class DispNetwork(nn.Module):
    """Head, blocks and a 1x1 convolution with a skip over them, one pixel shuffle."""

    def __init__(self, chosen: DispChoices, scale: int, channels: int) -> None:
        super().__init__()
        width = chosen.width
        self.head = conv(channels, width)
        self.blocks = nn.Sequential()
        for _ in range(chosen.blocks):
            self.blocks.append(_block(width, chosen.convs, chosen.activation))
        self.merge = conv(width, width, 1)
        self.tail = PixelShuffleDirect(width, channels, scale)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        head = self.head(image)
        return self.tail(head + self.merge(self.blocks(head)))


def _block(width: int, convs: int, act: str) -> Residual:
    layers = []
    for _ in range(convs):
        layers += [conv(width, width), activation(act, width)]
    block = Residual(*layers)
    keep_variance(block)
    start_small(layers[-2])
    return block


_DISP: dict[str, Choice] = {"image_skip": False, "width": 32, "blocks": 4, "convs": 4, "activation": "silu"}


@register
class Disp(SkippedSpace):
    """Width, number of blocks, convolutions per block, and their activation."""

    name: ClassVar[str] = "disp"
    summary: ClassVar[str] = "blocks of four convolutions with a skip, no attention: DISP of NTIRE 2026"
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(8, 65, 4),
        "blocks": range(1, 13),
        "convs": range(2, 7),
        "activation": ("relu", "silu"),
    }
    smallest: ClassVar[Choices] = {"image_skip": False, "width": 8, "blocks": 1, "convs": 2, "activation": "relu"}
    published: ClassVar = {
        "DISP": Published(
            _DISP,
            Claim(
                "github.com/Amazingren/NTIRE2026_ESR, team 18",
                164_000,
                10_690_000_000,
                scale=4,
                lr=(256, 256),
                params_counted=COLOUR,
                macs_counted=COLOUR,
            ),
            scale=4,
        )
    }
    # The authors' additional convolution is the third of four.
    authors_names: ClassVar = (
        (r"^conv_1\.eval_conv\.", "head."),
        (r"^conv_2\.", "merge."),
        (r"^upsampler\.", "tail."),
        (r"\.c1_r\.eval_conv\.", ".body.0."),
        (r"\.c2_r\.eval_conv\.", ".body.2."),
        (r"\._extern_conv_block\.0\.eval_conv\.", ".body.4."),
        (r"\.c3_r\.eval_conv\.", ".body.6."),
    )

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution; see `DispNetwork`."""
        network = DispNetwork(read_choices(DispChoices, choices), scale, channels)
        return network, network.tail.last

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part]:
        """Return head, blocks, the 1x1 convolution after them and tail."""
        chosen = read_choices(DispChoices, choices)
        width = chosen.width
        return [
            Part(conv, (channels, width), channels),
            Part(_block, (width, chosen.convs, chosen.activation), width, repeats=chosen.blocks),
            Part(conv, (width, width, 1), width),
            Part(PixelShuffleDirect, (width, channels, scale), width),
        ]
