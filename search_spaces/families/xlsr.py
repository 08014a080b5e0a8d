"""XLSR: grouped convolutions mixed by 1x1 convolutions, for 8-bit inference (Ayazoglu, arXiv 2105.10288).

A wide path of blocks without skips and a single convolution of the image are concatenated; two convolutions make the
sub-pixels. The clip of the output to 0..1 keeps the network accurate in 8 bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from search_spaces.choices import Choice, Choices, Values, read_choices
from search_spaces.layers.conv import bias_of, conv
from search_spaces.layers.initialisation import keep_variance
from search_spaces.layers.upsample import PixelShuffleDirect
from search_spaces.part import Part
from search_spaces.published import Claim, Counting, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register


@dataclass(frozen=True)
class XlsrChoices:
    """The choices of `xlsr`: `blocks` of convolutions in `groups`, and the channels of the path beside them."""

    image_skip: bool
    width: int
    blocks: int
    groups: int
    shortcut_width: int


class GroupedBlock(nn.Sequential):
    """A 3x3 convolution in groups, ReLU, and a 1x1 convolution that mixes the groups: [N, width, H, W] → the same."""

    def __init__(self, width: int, groups: int) -> None:
        mix = conv(width, width, 1)
        super().__init__(conv(width, width, groups=groups), nn.ReLU(), mix)
        keep_variance(self)
        # Nothing halves the power behind the 1x1.
        nn.init.kaiming_normal_(mix.weight, nonlinearity="linear")


class XlsrNetwork(nn.Module):
    """Head, blocks, a path beside both, and the tail; the output is clipped to 0..1 unless `image_skip` is on."""

    def __init__(self, chosen: XlsrChoices, scale: int, channels: int) -> None:
        super().__init__()
        width = chosen.width
        blocks = [GroupedBlock(width, chosen.groups) for _ in range(chosen.blocks)]
        self.body = nn.Sequential(*_head(channels, width), *blocks)
        self.shortcut = conv(channels, chosen.shortcut_width)
        self.merge = _merge(width, chosen.shortcut_width)
        self.tail = PixelShuffleDirect(width, channels, scale)
        self.clip = None if chosen.image_skip else nn.Hardtanh(0, 1)
        # In the middle of the range: a clipped value has no gradient.
        nn.init.constant_(bias_of(self.tail.last), 0.5)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        features = torch.cat([self.body(image), self.shortcut(image)], dim=1)
        output = self.tail(self.merge(features))
        return output if self.clip is None else self.clip(output)


def _head(channels: int, width: int) -> nn.Sequential:
    head = nn.Sequential(conv(channels, width), nn.ReLU(), conv(width, width, 1))
    keep_variance(head)
    return head


def _merge(width: int, shortcut_width: int) -> nn.Sequential:
    merge = nn.Sequential(conv(width + shortcut_width, width, 1), nn.ReLU())
    keep_variance(merge)
    return merge


_XLSR: dict[str, Choice] = {"image_skip": False, "width": 32, "blocks": 3, "groups": 4, "shortcut_width": 16}


@register
class Xlsr(SkippedSpace):
    """Width, number of blocks, number of groups, and the width of the path beside the blocks."""

    name: ClassVar[str] = "xlsr"
    summary: ClassVar[str] = "grouped and 1x1 convolutions, clipped output for 8-bit inference (2021)"
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(8, 65, 8),
        "blocks": range(1, 9),
        "groups": (1, 2, 4, 8),
        "shortcut_width": range(4, 33, 4),
    }
    smallest: ClassVar[Choices] = {"image_skip": False, "width": 8, "blocks": 1, "groups": 8, "shortcut_width": 4}
    published: ClassVar = {
        "XLSR": Published(
            _XLSR,
            Claim(
                "huggingface.co/qualcomm/XLSR",
                22_000,
                scale=3,
                note="arXiv 2105.10288: 30 times fewer parameters than VDSR",
                params_counted=Counting(channels=3, rounded_to=1_000),
            ),
            scale=3,
        )
    }
    # The names in github.com/quic/aimet-model-zoo; the author released no code.
    authors_names: ClassVar = (
        (r"^residual\.", "shortcut."),
        (r"^cnn\.(\d+)\.net\.", r"body.\1."),
        (r"^cnn\.", "body."),
        (r"^tail\.0\.", "merge.0."),
        (r"^tail\.2\.", "tail.0."),
    )

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution."""
        network = XlsrNetwork(read_choices(XlsrChoices, choices), scale, channels)
        return network, network.tail.last

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part]:
        """Return head, blocks, the path beside them, and both convolutions of the tail."""
        chosen = read_choices(XlsrChoices, choices)
        width, shortcut = chosen.width, chosen.shortcut_width
        return [
            Part(_head, (channels, width), channels),
            Part(GroupedBlock, (width, chosen.groups), width, repeats=chosen.blocks),
            Part(conv, (channels, shortcut), channels),
            Part(_merge, (width, shortcut), width + shortcut),
            Part(PixelShuffleDirect, (width, channels, scale), width),
        ]
