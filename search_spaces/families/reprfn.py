"""RepRFN: residual blocks of convolutions that train with many branches (Deng et al., CVPR Workshops 2023)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.choices import Choices, Values, read_choices
from search_spaces.layers import spatial_attention
from search_spaces.layers.collapsible import Collapsible, start_chain
from search_spaces.layers.conv import bias_of, conv
from search_spaces.layers.edge_conv import EdgeBranches, EdgeConv, absorb_into, merged_pair, unit_weight
from search_spaces.layers.spatial_attention import EnhancedSpatialAttention
from search_spaces.layers.upsample import PixelShuffleDirect
from search_spaces.part import Part
from search_spaces.published import ARTICLE, COLOUR, Claim, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register

SLOPE = 0.05


@dataclass(frozen=True)
class RepRfnChoices:
    """The choices of `reprfn`: `blocks` of `convs` convolutions with branches."""

    image_skip: bool
    width: int
    blocks: int
    convs: int
    attention_width: int
    branches: str


class ManyBranches(Collapsible):
    """A 3x3 convolution that trains as a sum of 3x3, 3x1, 1x3, 1x1, 1x1 and 3x3, three for edges, and the identity."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, kernel=3)
        self.plain = conv(inputs, outputs, 3)
        self.column = nn.Conv2d(inputs, outputs, (3, 1), padding=(1, 0))
        self.row = nn.Conv2d(inputs, outputs, (1, 3), padding=(0, 1))
        self.point = conv(inputs, outputs, 1)
        self.widen = conv(inputs, 2 * inputs, 1, bias=False)
        self.narrow = conv(2 * inputs, outputs, 3, bias=False)
        self.edges = EdgeBranches(inputs, outputs)

    def merged(self) -> tuple[Tensor, Tensor]:
        """Return the weight [outputs, inputs, 3, 3] and the bias [outputs] of the equivalent convolution."""
        weight, bias = merged_pair(self.widen, self.narrow)
        weight = weight + F.pad(self.point.weight, (1, 1, 1, 1))
        weight = weight + F.pad(self.column.weight, (1, 1, 0, 0)) + F.pad(self.row.weight, (0, 0, 1, 1))
        edge_weight, edge_bias = self.edges.merged()
        weight, bias = weight + self.plain.weight + edge_weight, bias + edge_bias
        for layer in (self.plain, self.column, self.row, self.point):
            bias = bias + bias_of(layer)
        return weight + unit_weight(weight) if self.inputs == self.outputs else weight, bias

    def absorb(self, weight: Tensor, bias: Tensor) -> None:
        """Set the 3x3 branch so that `merged` gives this weight and bias; the other branches keep their weights."""
        absorb_into(self.plain, self, weight, bias)


BRANCHES: dict[str, Callable[[int, int], nn.Conv2d | Collapsible]] = {
    "many": ManyBranches,
    "edge": EdgeConv,
    "none": conv,
}
"""The training form of a block's convolutions by name; all deploy as one 3x3."""


class ResidualFeatures(nn.Module):
    """Activated convolutions with branches and one without, a skip around them, then spatial attention."""

    def __init__(self, width: int, convs: int, attention_width: int, branches: str) -> None:
        super().__init__()
        layers: list[nn.Conv2d | Collapsible] = [BRANCHES[branches](width, width) for _ in range(convs)]
        layers.append(conv(width, width))
        for layer in layers:
            start_chain(layer, SLOPE)
        self.convs = nn.ModuleList(layers)
        self.activation = nn.LeakyReLU(SLOPE)
        self.spatial = EnhancedSpatialAttention(width, attention_width, depth=1)

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        refined = features
        for layer in self.convs:
            refined = self.activation(layer(refined))
        return self.spatial(features + refined)


class RepRfn(nn.Module):
    """Head, blocks and a convolution with a skip over everything, one pixel shuffle."""

    def __init__(self, chosen: RepRfnChoices, scale: int, channels: int) -> None:
        super().__init__()
        width = chosen.width
        self.head = conv(channels, width)
        self.blocks = nn.Sequential()
        for _ in range(chosen.blocks):
            self.blocks.append(ResidualFeatures(width, chosen.convs, chosen.attention_width, chosen.branches))
        self.trunk = conv(width, width)
        self.upsample = PixelShuffleDirect(width, channels, scale)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        head = self.head(image)
        return self.upsample(head + self.trunk(self.blocks(head)))


_CONVS = 3
"""Number of convolutions with branches in a block of the published network."""


@register
class RepRfnSpace(SkippedSpace):
    """Width, depth, convolutions per block, width of the attention, and the training form of the convolutions."""

    name: ClassVar[str] = "reprfn"
    summary: ClassVar[str] = "residual blocks that train with many branches and fuse, spatial attention (2023)"
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(16, 97, 8),
        "blocks": range(1, 13),
        "convs": range(1, 6),
        "attention_width": range(4, 33, 4),
        "branches": tuple(BRANCHES),
    }
    smallest: ClassVar[Choices] = {
        "image_skip": False,
        "width": 16,
        "blocks": 1,
        "convs": 1,
        "attention_width": 4,
        "branches": "none",
    }
    published: ClassVar = {
        "RepRFN": Published(
            {
                "image_skip": False,
                "width": 48,
                "blocks": 4,
                "convs": _CONVS,
                "attention_width": 16,
                "branches": "many",
            },
            Claim(
                "github.com/laonafahaodange/RepRFN, its log",
                401_504,
                22_174_400_000,
                scale=4,
                note="activations counted too",
                params_counted=COLOUR,
                macs_counted=COLOUR,
            ),
            Claim(
                ARTICLE,
                402_000,
                22_100_000_000,
                scale=4,
                note="among rows of x2",
                params_counted=COLOUR,
                macs_counted=COLOUR,
            ),
            scale=4,
        )
    }
    authors_names: ClassVar = (
        (r"^module\.", ""),
        (r"^fea_conv\.", "head."),
        *((rf"^reprfb{i + 1}\.", f"blocks.{i}.") for i in range(12)),
        (r"^lr_conv\.", "trunk."),
        (r"^upsampler\.conv\.", "upsample.0."),
        (r"\besa\.conv3\.", "spatial.body.0."),
        *spatial_attention.AUTHORS_NAMES,
        (r"\.conv3\.", f".convs.{_CONVS}."),
        *((rf"\.repblock{i + 1}\.", f".convs.{i}.") for i in range(_CONVS)),
        (r"\.rbr_reparam\.", "."),
        (r"^.*\.(mask|rbr_conv1x1_(sbx|sby|lpl)_branch\.b0)$", ""),
        (r"\.rbr_3x3_branch\.", ".plain."),
        (r"\.rbr_3x1_branch\.", ".column."),
        (r"\.rbr_1x3_branch\.", ".row."),
        (r"\.rbr_1x1_branch\.", ".point."),
        (r"\.rbr_1x1_3x3_branch_1x1\.", ".widen."),
        (r"\.rbr_1x1_3x3_branch_3x3\.", ".narrow."),
        (r"\.rbr_conv1x1_sbx_branch\.", ".edges.sobel_x."),
        (r"\.rbr_conv1x1_sby_branch\.", ".edges.sobel_y."),
        (r"\.rbr_conv1x1_lpl_branch\.", ".edges.laplacian."),
        (r"\.k0$", ".mix.weight"),
        (r"\.scale$", ".gain"),
    )

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution; see `RepRfn`."""
        network = RepRfn(read_choices(RepRfnChoices, choices), scale, channels)
        return network, network.upsample.last

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part]:
        """Return parts whose costs add up to the cost of the network."""
        chosen = read_choices(RepRfnChoices, choices)
        width = chosen.width
        block = (width, chosen.convs, chosen.attention_width, "none")
        return [
            Part(conv, (channels, width), channels),
            Part(ResidualFeatures, block, width, repeats=chosen.blocks),
            Part(conv, (width, width), width),
            Part(PixelShuffleDirect, (width, channels, scale), width),
        ]
