"""CAMixerSR: a router sends hard windows through self-attention and the others past it (arXiv 2402.19289)."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.choices import Choices, Values, read_choices
from search_spaces.layers.channel_norm import ChannelNorm
from search_spaces.layers.conv import conv
from search_spaces.layers.routed_attention import CONDITION, Mixer
from search_spaces.layers.upsample import PixelShuffleDirect
from search_spaces.layers.window import Padded, pad_to_multiple
from search_spaces.part import Part
from search_spaces.published import ARTICLE, COLOUR, Claim, Counting, Published, Rule
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register


@dataclass(frozen=True)
class CaMixerChoices:
    """The choices of `camixersr`: two groups of `early_blocks`, then two of `late_blocks`."""

    image_skip: bool
    width: int
    early_blocks: int
    late_blocks: int
    window: int
    attended_percent: int
    expansion: int


class CaMixerForward(nn.Module):
    """1x1 to twice the hidden width, depthwise 3x3, one half gates the other half, 1x1 back; no biases."""

    def __init__(self, width: int, expansion: int) -> None:
        super().__init__()
        hidden = expansion * width
        self.project_in = conv(width, 2 * hidden, 1, bias=False)
        self.depthwise = conv(2 * hidden, 2 * hidden, groups=2 * hidden, bias=False)
        self.project_out = conv(hidden, width, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        gate, value = self.depthwise(self.project_in(features)).chunk(2, dim=1)
        return self.project_out(F.gelu(gate) * value)


class CaMixerBlock(nn.Module):
    """Mixer, then gated feed-forward, each added to its input, then normalised."""

    def __init__(self, width: int, window: int, percent: int, expansion: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = ChannelNorm(width), ChannelNorm(width)
        self.mixer = Mixer(width, window, percent)
        self.forwards = CaMixerForward(width, expansion)

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        """[N, width, H, W] and the condition → the same shape."""
        features = self.norm1(features + self.mixer(features, condition))
        return self.norm2(features + self.forwards(features))


class CaMixerGroup(nn.Module):
    """Blocks, a 1x1, and the skip over both."""

    def __init__(self, blocks: list[CaMixerBlock], width: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.conv = conv(width, width, 1)

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        """[N, width, H, W] and the condition → the same shape."""
        mixed = features
        for block in self.blocks:
            mixed = block(mixed, condition)
        return features + self.conv(mixed)


def condition(width: int) -> nn.Sequential:
    """Return the common input of all routers: [N, width, H, W] → [N, 2, H, W]."""
    return nn.Sequential(conv(width, 8, 1), nn.LeakyReLU(0.1), conv(8, CONDITION), nn.LeakyReLU(0.1))


class CaMixerNetwork(nn.Module):
    """Head, four groups with the skip over all of them, pixel shuffle; padded to whole windows by mirroring."""

    def __init__(self, chosen: CaMixerChoices, scale: int, channels: int) -> None:
        super().__init__()
        width, window = chosen.width, chosen.window
        self.window, self.scale = (window, window), scale
        self.head = conv(channels, width)
        self.condition = condition(width)
        self.groups = nn.ModuleList()
        for depth in (chosen.early_blocks, chosen.early_blocks, chosen.late_blocks, chosen.late_blocks):
            blocks = []
            for _ in range(depth):
                blocks.append(CaMixerBlock(width, window, chosen.attended_percent, chosen.expansion))
            self.groups.append(CaMixerGroup(blocks, width))
        self.conv = conv(width, width)
        self.tail = PixelShuffleDirect(width, channels, scale)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        height, width = image.shape[2:]
        head = self.head(pad_to_multiple(image, self.window))
        features, condition = head, self.condition(head)
        for group in self.groups:
            features = group(features, condition)
        image = self.tail(head + self.conv(features))
        return image[:, :, : self.scale * height, : self.scale * width]


class _CountedBlock(CaMixerBlock):
    """A block that takes only its features, like the parts of a network."""

    def forward(self, features: Tensor, condition: Tensor | None = None) -> Tensor:
        """[N, width, H, W] → the same shape; the first channels stand for the condition."""
        return super().forward(features, features[:, :CONDITION])


def _block(width: int, window: int, percent: int, expansion: int) -> nn.Module:
    return Padded(_CountedBlock(width, window, percent, expansion), window)


def _conv(inputs: int, outputs: int, kernel: int, window: int) -> nn.Module:
    return Padded(conv(inputs, outputs, kernel), window)


def _condition(width: int, window: int) -> nn.Module:
    return Padded(condition(width), window)


def _tail(width: int, channels: int, scale: int, window: int) -> nn.Module:
    return Padded(PixelShuffleDirect(width, channels, scale), window)


def _point(width: int) -> Choices:
    same = {"image_skip": False, "early_blocks": 4, "late_blocks": 6, "window": 16, "expansion": 1}
    return {**same, "width": width, "attended_percent": 50}


@register
class CaMixerSr(SkippedSpace):
    """The share of attended windows is a choice; the authors' router draws the share anew for every image."""

    name: ClassVar[str] = "camixersr"
    summary: ClassVar[str] = "attention for a fixed share of hard windows, convolutions for all windows (2024)"
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(12, 73, 12),
        "early_blocks": range(1, 7),
        "late_blocks": range(1, 7),
        "window": range(8, 17, 4),
        "attended_percent": range(10, 101, 10),
        "expansion": range(1, 4),
    }
    smallest: ClassVar[Choices] = {
        "image_skip": False,
        "width": 12,
        "early_blocks": 1,
        "late_blocks": 1,
        "window": 8,
        "attended_percent": 10,
        "expansion": 1,
    }

    published: ClassVar = {
        "CAMixerSR-S": Published(
            _point(36),
            Claim(
                "arXiv 2402.19289, table of large images",
                351_000,
                652_000_000,
                scale=4,
                lr=(32, 32),
                params_counted=COLOUR,
                macs_counted=Counting(channels=3, rules=(Rule.TWO_PER_MULTIPLY_ADD,)),
            ),
            Claim(
                ARTICLE,
                351_000,
                scale=4,
                note="copied from its paper's row for scale 4, where the article's table is for 2",
                params_counted=COLOUR,
            ),
            scale=4,
        ),
        "CAMixerSR": Published(
            _point(60),
            Claim(
                "arXiv 2402.19289, table of light networks",
                765_000,
                53_800_000_000,
                32.51,
                scale=4,
                note="its router's share varies with layer and image",
                params_counted=COLOUR,
                macs_counted=COLOUR,
            ),
            scale=4,
        ),
    }

    authors_names: ClassVar = (
        (r"^global_predictor\.", "condition."),
        (r"^body\.(\d+)\.body_tail\.", r"groups.\1.conv."),
        (r"^body\.(\d+)\.body\.", r"groups.\1.blocks."),
        (r"^body_tail\.", "conv."),
        (r"\.mixer\.conv_sptial\.", ".mixer.spatial."),
        (r"\.route\.in_conv\.", ".router.common."),
        (r"\.route\.out_offsets\.", ".router.offsets."),
        (r"\.route\.out_mask\.", ".router.hardness."),
        (r"\.route\.out_CA\.1\.", ".router.channel_gate."),
        (r"\.route\.out_SA\.0\.", ".router.pixel_gate."),
        (r"\.ffn\.dwconv\.", ".forwards.depthwise."),
        (r"\.ffn\.", ".forwards."),
    )

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution; see `CaMixerNetwork`."""
        network = CaMixerNetwork(read_choices(CaMixerChoices, choices), scale, channels)
        return network, network.tail.last

    def parts(self, choices: Choices, scale: int, channels: int) -> list[Part]:
        """Return the network as parts to be counted."""
        chosen = read_choices(CaMixerChoices, choices)
        width, window = chosen.width, chosen.window
        block = (width, window, chosen.attended_percent, chosen.expansion)
        blocks = 2 * (chosen.early_blocks + chosen.late_blocks)
        return [
            Part(_conv, (channels, width, 3, window), channels),
            Part(_condition, (width, window), width),
            Part(_block, block, width, repeats=blocks),
            Part(_conv, (width, width, 1, window), width, repeats=4),
            Part(_conv, (width, width, 3, window), width),
            Part(_tail, (width, channels, scale, window), width),
        ]
