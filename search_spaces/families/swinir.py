"""SwinIR: groups of layers of self-attention in windows, every second layer with shifted windows (arXiv 2108.10257)."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from search_spaces.choices import Choices, Values, read_choices
from search_spaces.layers.channel_norm import ChannelNorm
from search_spaces.layers.conv import conv
from search_spaces.layers.mean_shift import MeanShift, around
from search_spaces.layers.swin import SwinGroup, SwinLayer
from search_spaces.layers.upsample import PixelShuffleDirect, PixelShuffleSteps, factors
from search_spaces.layers.window import Padded, pad_to_multiple, shift_mask
from search_spaces.part import Part
from search_spaces.published import ARTICLE, ARTICLE_LR, COLOUR, Claim, Counting, Published, Rule
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register

TAIL_WIDTH = 64
"""Channels of the tails that compute at the high resolution."""


@dataclass(frozen=True)
class SwinIrChoices:
    """The choices of `swinir`: `groups` of `depth` layers, `heads` of `head_width` channels each."""

    image_skip: bool
    groups: int
    depth: int
    heads: int
    head_width: int
    window: int
    expansion: int
    tail: str

    @property
    def width(self) -> int:
        """Number of channels of the features."""
        return self.heads * self.head_width


class _CountedLayer(SwinLayer):
    """A layer that takes [N, width, H, W], like the parts of a network."""

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """[N, width, H, W] → [N, H, W, width]."""
        return super().forward(features.permute(0, 2, 3, 1), mask)


def _layer(width: int, heads: int, window: int, expansion: int) -> nn.Module:
    return Padded(_CountedLayer(width, heads, window, expansion, shifted=False), window)


def _conv(inputs: int, outputs: int, window: int) -> nn.Module:
    return Padded(conv(inputs, outputs), window)


def _tail(kind: str, width: int, channels: int, scale: int, window: int) -> nn.Module:
    return Padded(tail(kind, width, channels, scale), window)


def tail(kind: str, width: int, channels: int, scale: int) -> nn.Sequential:
    """Return the tail 'direct', 'shuffle' or 'nearest': [N, width, H, W] → [N, channels, scale·H, scale·W].

    'direct' computes nothing at the high resolution; 'nearest', for real images, avoids the pattern of the pixel
    shuffle.
    """
    if kind == "direct":
        return nn.Sequential(OrderedDict(up=PixelShuffleDirect(width, channels, scale)))
    steps: dict[str, nn.Module] = {"before": nn.Sequential(conv(width, TAIL_WIDTH), nn.LeakyReLU())}
    if kind == "shuffle":
        steps["up"] = PixelShuffleSteps(TAIL_WIDTH, scale)
    else:
        up: list[nn.Module] = []
        for factor in factors(scale):
            up += [nn.Upsample(scale_factor=factor, mode="nearest"), conv(TAIL_WIDTH, TAIL_WIDTH), nn.LeakyReLU(0.2)]
        steps["up"] = nn.Sequential(*up)
        steps["hr"] = nn.Sequential(conv(TAIL_WIDTH, TAIL_WIDTH), nn.LeakyReLU(0.2))
    return nn.Sequential(OrderedDict(steps, last=conv(TAIL_WIDTH, channels)))


class SwinNetwork(nn.Module):
    """Head, groups with a skip over all of them, tail; the image is padded to whole windows by mirroring."""

    def __init__(self, chosen: SwinIrChoices, scale: int, channels: int) -> None:
        super().__init__()
        width, window = chosen.width, chosen.window
        self.window, self.scale = (window, window), scale
        # If bicubic interpolation carries the image, no mean is subtracted.
        self.shift = None if chosen.image_skip else MeanShift(channels)
        self.head = conv(channels, width)
        self.norm1 = nn.LayerNorm(width)
        self.groups = nn.ModuleList()
        for _ in range(chosen.groups):
            self.groups.append(SwinGroup(width, chosen.heads, window, chosen.expansion, chosen.depth))
        self.norm2 = nn.LayerNorm(width)
        self.conv = conv(width, width)
        self.tail = tail(chosen.tail, width, channels, scale)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    @property
    def last(self) -> nn.Conv2d:
        """The convolution that writes the image."""
        return [module for module in self.tail.modules() if isinstance(module, nn.Conv2d)][-1]

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        height, width = image.shape[2:]
        image = around(self.shift, self._computed, pad_to_multiple(image, self.window))
        return image[:, :, : self.scale * height, : self.scale * width]

    def _computed(self, image: Tensor) -> Tensor:
        head = self.head(image)
        features = self.norm1(head.permute(0, 2, 3, 1))
        mask = shift_mask(features, self.window, (self.window[0] // 2, self.window[1] // 2))
        for group in self.groups:
            features = group(features, mask)
        features = self.norm2(features).permute(0, 3, 1, 2)
        return self.tail(head + self.conv(features))


AS_THOP = Counting(channels=3, rules=(Rule.NO_ATTENTION, Rule.NORMS))


def _point(groups: int, head_width: int, tail: str) -> Choices:
    same = {"image_skip": False, "depth": 6, "heads": 6, "window": 8, "expansion": 2}
    return {**same, "groups": groups, "head_width": head_width, "tail": tail}


@register
class SwinIr(SkippedSpace):
    """The width is the number of heads times their width; the authors' three tails are a choice."""

    name: ClassVar[str] = "swinir"
    summary: ClassVar[str] = "transformer: groups of self-attention layers in shifted windows (2021)"
    own_options: ClassVar[dict[str, Values]] = {
        "groups": range(1, 7),
        "depth": range(2, 7, 2),
        "heads": range(2, 9, 2),
        "head_width": range(6, 31, 4),
        "window": range(4, 17, 4),
        "expansion": range(1, 5),
        "tail": ("direct", "shuffle", "nearest"),
    }
    smallest: ClassVar[Choices] = {
        "image_skip": False,
        "groups": 1,
        "depth": 2,
        "heads": 2,
        "head_width": 6,
        "window": 4,
        "expansion": 1,
        "tail": "direct",
    }

    published: ClassVar = {
        "SwinIR-light": Published(
            _point(4, 10, "direct"),
            Claim(
                "arXiv 2108.10257, table 3",
                878_000,
                195_600_000_000,
                38.14,
                params_counted=Counting(channels=3, rules=(Rule.NO_POSITION_BIASES,)),
                macs_counted=Counting(rules=(Rule.NO_ATTENTION,)),
            ),
            Claim(
                ARTICLE,
                870_000,
                295_000_000_000,
                lr=ARTICLE_LR,
                note="as thop 0.1.1 counts",
                params_counted=Counting(channels=3, rules=(Rule.NO_POSITION_BIASES,)),
                macs_counted=AS_THOP,
            ),
        ),
        "SwinIR-M": Published(
            _point(6, 30, "nearest"),
            Claim(
                "arXiv 2108.10257, its generator for real images",
                note="the same body with the tail 'shuffle', for bicubic images, reaches 38.42 dB",
            ),
        ),
        "SwinIR-BSRGAN": Published(
            _point(6, 30, "nearest"),
            Claim("arXiv 2108.10257, section 4.2", note="its recipe is BSRGAN's degradation and adversarial training"),
            Claim(
                ARTICLE,
                11_600_000,
                3_891_000_000_000,
                lr=ARTICLE_LR,
                note="as thop 0.1.1 counts; the recipe is BSRGAN's",
                params_counted=COLOUR,
                macs_counted=AS_THOP,
            ),
        ),
    }

    authors_names: ClassVar = (
        (r".*\.(relative_position_index|attn_mask)$", ""),
        (r"^conv_first\.", "head."),
        (r"^patch_embed\.norm\.", "norm1."),
        (r"^layers\.(\d+)\.residual_group\.blocks\.", r"groups.\1.layers."),
        (r"^layers\.(\d+)\.conv\.", r"groups.\1.conv."),
        (r"\.attn\.relative_position_bias_table$", ".attention.position.table"),
        (r"\.attn\.proj\.", ".attention.project."),
        (r"\.attn\.", ".attention."),
        (r"\.mlp\.fc1\.", ".mlp.0."),
        (r"\.mlp\.fc2\.", ".mlp.2."),
        (r"^norm\.", "norm2."),
        (r"^conv_after_body\.", "conv."),
        (r"^upsample\.", "tail.up."),
        (r"^conv_before_upsample\.", "tail.before."),
        (r"^conv_up1\.", "tail.up.1."),
        (r"^conv_up2\.", "tail.up.4."),
        (r"^conv_hr\.", "tail.hr.0."),
        (r"^conv_last\.", "tail.last."),
    )

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution; see `SwinNetwork`."""
        network = SwinNetwork(read_choices(SwinIrChoices, choices), scale, channels)
        return network, network.last

    def parts(self, choices: Choices, scale: int, channels: int) -> list[Part]:
        """Return the network as parts to be counted; a shifted layer costs the same as another layer."""
        chosen = read_choices(SwinIrChoices, choices)
        width, window = chosen.width, chosen.window
        layer = (width, chosen.heads, window, chosen.expansion)
        return [
            Part(_conv, (channels, width, window), channels),
            Part(ChannelNorm, (width,), width, repeats=2),
            Part(_layer, layer, width, repeats=chosen.groups * chosen.depth),
            Part(_conv, (width, width, window), width, repeats=chosen.groups + 1),
            Part(_tail, (chosen.tail, width, channels, scale, window), width),
        ]
