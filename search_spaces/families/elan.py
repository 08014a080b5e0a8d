"""ELAN: shift convolutions, and self-attention in windows of three sizes whose scores are reused (arXiv 2203.06697)."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.choices import Choices, Values, read_choices
from search_spaces.layers.conv import conv
from search_spaces.layers.mean_shift import RANGE, MeanShift, around
from search_spaces.layers.upsample import PixelShuffleDirect
from search_spaces.layers.window import Padded, merge, pad_to_multiple, partition, roll
from search_spaces.part import Part
from search_spaces.published import ARTICLE, COLOUR, Claim, Counting, Published, Rule
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register

STEPS = ((1, 2), (1, 0), (2, 1), (0, 1), (1, 1))
"""Place of the 1 in a 3x3 kernel that moves a channel left, right, up, down, or not at all."""


@dataclass(frozen=True)
class ElanChoices:
    """The choices of `elan`: `blocks` of one module that scores attention and `shared` modules that reuse it."""

    image_skip: bool
    blocks: int
    shared: int
    width: int
    expansion: int
    windows: str
    activation: str


def sides(windows: str) -> tuple[int, ...]:
    """Return the window sides of the three groups of channels, e.g. of '4-8-16'."""
    return tuple(map(int, windows.split("-")))


class ShiftConv(nn.Module):
    """Moves four fifths of the channels by one pixel, each fifth in another direction, then mixes all by a 1x1.

    So a 1x1 sees as far as a 3x3. [N, inputs, H, W] → [N, outputs, H, W]. The kernels that move are constants.
    """

    kernels: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        kernels = torch.zeros(inputs, 1, 3, 3)
        for channel in range(inputs):
            # The remainder of the division by five is not moved.
            y, x = STEPS[min(4, channel // (inputs // 5))]
            kernels[channel, 0, y, x] = 1
        self.register_buffer("kernels", kernels, persistent=False)
        self.conv = conv(inputs, outputs, 1)

    def forward(self, features: Tensor) -> Tensor:
        """[N, inputs, H, W] → [N, outputs, H, W]."""
        moved = F.conv2d(features, self.kernels.to(features.dtype), padding=1, groups=len(self.kernels))
        return self.conv(moved)


class GroupAttention(nn.Module):
    """Self-attention of three groups of channels, each in windows of its own size; queries are the keys, too.

    The first module of a block (`scoring`) computes the scores from its features; the modules after it reuse them.
    """

    def __init__(self, width: int, windows: tuple[int, ...], *, shifted: bool, scoring: bool) -> None:
        super().__init__()
        self.windows, self.shifted, self.scoring = windows, shifted, scoring
        inner = 2 * width if scoring else width
        self.project_in = nn.Sequential(conv(width, inner, 1), nn.BatchNorm2d(inner))
        self.project_out = conv(width, width, 1)

    def forward(self, features: Tensor, scores: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """[N, width, H, W] and the scores of each group, if computed → the same shape and the scores."""
        parts = self.project_in(features).permute(0, 2, 3, 1).chunk(len(self.windows), dim=-1)
        mixed, size = [], (features.shape[2], features.shape[3])
        for index, (side, part) in enumerate(zip(self.windows, parts, strict=True)):
            window, shift = (side, side), side // 2 if self.shifted else 0
            values = partition(roll(part, (-shift, -shift)), window)
            if self.scoring:
                queries, values = values.chunk(2, dim=-1)
                scores = [*scores, (queries @ queries.transpose(-2, -1)).softmax(dim=-1)]
            mixed.append(roll(merge(scores[index] @ values, window, size), (shift, shift)))
        return self.project_out(torch.cat(mixed, dim=-1).permute(0, 3, 1, 2)), scores


class ElanBlock(nn.Module):
    """One module that computes attention scores and `shared` modules that reuse them, each after local features."""

    def __init__(
        self, width: int, expansion: int, shared: int, windows: str, activation: str, *, shifted: bool = False
    ) -> None:
        super().__init__()
        self.local = nn.ModuleList(
            nn.Sequential(
                ShiftConv(width, expansion * width),
                nn.GELU() if activation == "gelu" else nn.ReLU(),
                ShiftConv(expansion * width, width),
            )
            for _ in range(1 + shared)
        )
        self.attention = nn.ModuleList(
            GroupAttention(width, sides(windows), shifted=shifted, scoring=index == 0) for index in range(1 + shared)
        )

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        scores: list[Tensor] = []
        for local, attention in zip(self.local, self.attention, strict=True):
            features = features + local(features)
            mixed, scores = attention(features, scores)
            features = features + mixed
        return features


class ElanNetwork(nn.Module):
    """Head, blocks with the skip over all of them, pixel shuffle; the image is padded to whole windows by mirroring."""

    def __init__(self, chosen: ElanChoices, scale: int, channels: int) -> None:
        super().__init__()
        width, expansion, shared = chosen.width, chosen.expansion, chosen.shared
        self.multiple, self.scale = math.lcm(*sides(chosen.windows)), scale
        # If bicubic interpolation carries the image, no mean is subtracted and no range widened.
        self.shift = None if chosen.image_skip else MeanShift(channels, spread=RANGE)
        self.head = conv(channels, width)
        self.blocks = nn.Sequential()
        for i in range(chosen.blocks):
            shifted = i % 2 == 1
            block = ElanBlock(width, expansion, shared, chosen.windows, chosen.activation, shifted=shifted)
            self.blocks.append(block)
        self.tail = PixelShuffleDirect(width, channels, scale)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        height, width = image.shape[2:]
        image = around(self.shift, self._computed, pad_to_multiple(image, (self.multiple, self.multiple)))
        return image[:, :, : self.scale * height, : self.scale * width]

    def _computed(self, image: Tensor) -> Tensor:
        head = self.head(image)
        return self.tail(head + self.blocks(head))


def _padded(windows: str, module: nn.Module) -> nn.Module:
    return Padded(module, math.lcm(*sides(windows)))


def _counted_block(width: int, expansion: int, shared: int, windows: str, activation: str) -> nn.Module:
    return _padded(windows, ElanBlock(width, expansion, shared, windows, activation))


def _head(windows: str, channels: int, width: int) -> nn.Module:
    return _padded(windows, conv(channels, width))


def _tail(windows: str, width: int, channels: int, scale: int) -> nn.Module:
    return _padded(windows, PixelShuffleDirect(width, channels, scale))


@register
class Elan(SkippedSpace):
    """Depth, width, window sizes, and how many modules share one computation of attention scores."""

    name: ClassVar[str] = "elan"
    summary: ClassVar[str] = "shift convolutions and shared attention in windows of three sizes (2022)"
    own_options: ClassVar[dict[str, Values]] = {
        "blocks": range(2, 19, 2),
        "shared": range(4),
        "width": range(12, 97, 12),
        "expansion": range(1, 5),
        "windows": ("2-4-8", "4-8-12", "4-8-16", "8-8-8"),
        "activation": ("relu", "gelu"),
    }
    smallest: ClassVar[Choices] = {
        "image_skip": False,
        "blocks": 2,
        "shared": 0,
        "width": 12,
        "expansion": 1,
        "windows": "2-4-8",
        "activation": "relu",
    }

    published: ClassVar = {
        "ELAN-light": Published(
            {
                "image_skip": False,
                "blocks": 12,
                "shared": 1,
                "width": 60,
                "expansion": 2,
                "windows": "4-8-16",
                "activation": "relu",
            },
            Claim(
                "arXiv 2203.06697, table 2",
                582_000,
                168_400_000_000,
                38.17,
                params_counted=COLOUR,
                macs_counted=Counting(
                    replaced={"windows": "4-8-12"}, channels=3, rules=(Rule.FREE_SHIFTS, Rule.NO_PADDING)
                ),
            ),
            Claim(
                ARTICLE,
                601_000,
                43_200_000_000,
                scale=4,
                note="copied from papers' rows for scale 4, where the article's table is for 2",
                params_counted=COLOUR,
                macs_counted=Counting(
                    replaced={"windows": "4-8-12"}, channels=3, rules=(Rule.FREE_SHIFTS, Rule.NO_PADDING)
                ),
            ),
        ),
    }

    authors_names: ClassVar = (
        (r"^(sub|add)_mean\..*", ""),
        (r".*\.shift_conv\.weight$", ""),
        (r"^head\.0\.", "head."),
        (r"^body\.(\d+)\.modules_lfe\.lfe_(\d+)\.conv0\.shift_conv\.conv1x1\.", r"blocks.\1.local.\2.0.conv."),
        (r"^body\.(\d+)\.modules_lfe\.lfe_(\d+)\.conv1\.shift_conv\.conv1x1\.", r"blocks.\1.local.\2.2.conv."),
        (r"^body\.(\d+)\.modules_gmsa\.gmsa_(\d+)\.project_inp\.", r"blocks.\1.attention.\2.project_in."),
        (r"^body\.(\d+)\.modules_gmsa\.gmsa_(\d+)\.", r"blocks.\1.attention.\2."),
    )

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution; see `ElanNetwork`."""
        network = ElanNetwork(read_choices(ElanChoices, choices), scale, channels)
        return network, network.tail.last

    def parts(self, choices: Choices, scale: int, channels: int) -> list[Part]:
        """Return the network as parts to be counted."""
        chosen = read_choices(ElanChoices, choices)
        width, windows = chosen.width, chosen.windows
        block = (width, chosen.expansion, chosen.shared, windows, chosen.activation)
        return [
            Part(_head, (windows, channels, width), channels),
            Part(_counted_block, block, width, repeats=chosen.blocks),
            Part(_tail, (windows, width, channels, scale), width),
        ]
