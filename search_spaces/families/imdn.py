"""IMDN and IMDN-RTC: blocks that set a part of their features aside three times (Hui et al., arXiv 1909.11856)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from search_spaces.choices import Choices, Values, read_choices
from search_spaces.layers.attention import ContrastAttention
from search_spaces.layers.conv import conv
from search_spaces.layers.upsample import PixelShuffleDirect
from search_spaces.part import Part
from search_spaces.published import ARTICLE, COLOUR, UNEXPLAINED, Claim, Counting, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register

STEPS = 3
"""How many times a block splits its features. A last convolution makes the fourth part of the same width."""

SLOPE = 0.05


@dataclass(frozen=True)
class ImdnChoices:
    """The choices of `imdn`. `kept_eighths`: channels set aside at each step, in eighths of `width`."""

    image_skip: bool
    width: int
    blocks: int
    kept_eighths: int
    attention: bool
    gathered: bool

    @property
    def kept(self) -> int:
        """Number of channels that are set aside at each step."""
        return self.width * self.kept_eighths // 8


class MultiDistillation(nn.Module):
    """Each convolution keeps `kept` channels and passes the rest on; the kept parts are gated and merged.

    [N, width, H, W] → the same shape.
    """

    def __init__(self, width: int, kept: int, attention: bool) -> None:
        super().__init__()
        self.parts = [kept, width - kept]
        inputs = [width] + [width - kept] * STEPS
        outputs = [width] * STEPS + [kept]
        self.convs = nn.ModuleList(conv(i, o) for i, o in zip(inputs, outputs, strict=True))
        self.activation = nn.LeakyReLU(SLOPE)
        merged = kept * len(self.convs)
        self.attention = ContrastAttention(merged) if attention else nn.Identity()
        self.merge = conv(merged, width, 1)

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        kept, passed = [], features
        for layer in self.convs[:-1]:
            part, passed = torch.split(self.activation(layer(passed)), self.parts, dim=1)
            kept.append(part)
        kept.append(self.convs[-1](passed))
        return features + self.merge(self.attention(torch.cat(kept, dim=1)))


class Imdn(nn.Module):
    """Head, blocks in a chain, a trunk with a skip over everything, one pixel shuffle.

    If `gathered`, the trunk takes the outputs of all blocks, else the output of the last block through a 1x1.
    """

    def __init__(self, chosen: ImdnChoices, scale: int, channels: int) -> None:
        super().__init__()
        width, blocks = chosen.width, chosen.blocks
        self.head = conv(channels, width)
        self.blocks = nn.ModuleList(MultiDistillation(width, chosen.kept, chosen.attention) for _ in range(blocks))
        self.gather = nn.Sequential(conv(blocks * width, width, 1), nn.LeakyReLU(SLOPE)) if chosen.gathered else None
        self.trunk = conv(width, width, 3 if chosen.gathered else 1)
        self.upsample = PixelShuffleDirect(width, channels, scale)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        head = features = self.head(image)
        outputs = []
        for block in self.blocks:
            features = block(features)
            outputs.append(features)
        if self.gather is not None:
            features = self.gather(torch.cat(outputs, dim=1))
        return self.upsample(self.trunk(features) + head)


_BLOCKS = range(1, 17)


@register
class ImdnSpace(SkippedSpace):
    """Width, depth, the share of features set aside, attention, and whether the trunk takes all blocks' outputs."""

    name: ClassVar[str] = "imdn"
    summary: ClassVar[str] = "multi-distillation with contrast-aware channel attention (2019)"
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(8, 97, 4),
        "blocks": _BLOCKS,
        "kept_eighths": range(1, 5),
        "attention": (False, True),
        "gathered": (False, True),
    }
    smallest: ClassVar[Choices] = {
        "image_skip": False,
        "width": 8,
        "blocks": 1,
        "kept_eighths": 4,
        "attention": False,
        "gathered": False,
    }
    published: ClassVar = {
        "IMDN": Published(
            {
                "image_skip": False,
                "width": 64,
                "blocks": 6,
                "kept_eighths": 2,
                "attention": True,
                "gathered": True,
            },
            Claim(
                "arXiv 1909.11856; multiply-adds of arXiv 2108.10257",
                694_000,
                158_800_000_000,
                38.00,
                params_counted=COLOUR,
                macs_counted=COLOUR,
            ),
        ),
        "IMDN-RTC": Published(
            {
                "image_skip": False,
                "width": 12,
                "blocks": 5,
                "kept_eighths": 2,
                "attention": False,
                "gathered": False,
            },
            Claim("github.com/Zheng222/IMDN", lr=(360, 240)),
            Claim(
                ARTICLE,
                700_000,
                17_900_000_000,
                note="17.9G is of IMDN+ at x4, which is not in this space",
                params_counted=Counting("imdn/IMDN", channels=3),
                macs_counted=UNEXPLAINED,
            ),
        ),
    }
    authors_names: ClassVar = (
        (r"^module\.", ""),
        (r"^(fea_conv|model\.0)\.", "head."),
        *((rf"^IMDB{i + 1}\.", f"blocks.{i}.") for i in range(len(_BLOCKS))),
        (r"^model\.1\.sub\.(\d+)\.c", r"blocks.\1.c"),
        (r"^(LR_conv|model\.1\.sub\.\d+)\.(?=weight|bias)", "trunk."),
        (r"^c\.0\.", "gather.0."),
        (r"^(upsampler\.0|model\.2)\.", "upsample.0."),
        (r"^(blocks\.\d+)\.c5\.", r"\1.merge."),
        *((rf"^(blocks\.\d+)\.c{i + 1}\.", rf"\1.convs.{i}.") for i in range(STEPS + 1)),
        (r"\.cca\.conv_du\.", ".attention.gate."),
    )

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution; see `Imdn`."""
        network = Imdn(read_choices(ImdnChoices, choices), scale, channels)
        return network, network.upsample.last

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part]:
        """Return parts whose costs add up to the cost of the network."""
        chosen = read_choices(ImdnChoices, choices)
        width, blocks = chosen.width, chosen.blocks
        parts = [
            Part(conv, (channels, width), channels),
            Part(MultiDistillation, (width, chosen.kept, chosen.attention), width, repeats=blocks),
            Part(conv, (width, width, 3 if chosen.gathered else 1), width),
            Part(PixelShuffleDirect, (width, channels, scale), width),
        ]
        if chosen.gathered:
            parts.append(Part(conv, (blocks * width, width, 1), blocks * width))
        return parts
