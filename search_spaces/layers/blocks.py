"""The blocks of `hybrid`: input and output have one shape, and most blocks start as the identity.

Each block takes [N, width, H, W] and returns the same shape. The docstring of a block says what `kernel` (3, 5, 7) and
`expansion` (1, 2, 3) mean in it. The blocks in `CHAINED` start near the identity; in all others the last layer starts
at zero. So a brief training judges what a block learns, not how the block was initialised.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from search_spaces.layers.activation import SLOPES, activation
from search_spaces.layers.attention import ChannelAttention
from search_spaces.layers.blueprint import BlueprintConv
from search_spaces.layers.channel_norm import ChannelNorm
from search_spaces.layers.collapsible import Collapsible, start_chain
from search_spaces.layers.conv import LargeDepthwise, conv
from search_spaces.layers.distillation import FeatureDistillation
from search_spaces.layers.edge_conv import EdgeConv, ExpandedConv
from search_spaces.layers.initialisation import keep_variance
from search_spaces.layers.modulation import SpatialModulation
from search_spaces.layers.parameter_free import ParameterFreeAttention
from search_spaces.layers.residual import skipped, zero_parameters
from search_spaces.layers.spatial_attention import EnhancedSpatialAttention
from search_spaces.layers.window import WindowBlock


@dataclass(frozen=True)
class BlockChoices:
    """The name, the width and the three choices of a block."""

    name: str
    width: int
    kernel: int
    expansion: int
    activation: str

    def build(self, place: int = 0) -> nn.Module:
        """Return the block, as number `place` (from 0) among its repeats."""
        return BLOCKS[self.name](self, place)

    @property
    def cost_key(self) -> tuple[str, int, int, int, str]:
        """Arguments of a block with equal parameters and multiply-adds: among activations only PReLU has parameters."""
        name, width, kernel, expansion, act = self.time_key
        return name, width, kernel, expansion, "prelu" if act == "prelu" else "relu"

    @property
    def time_key(self) -> tuple[str, int, int, int, str]:
        """Arguments of a block that takes the same time once deployed: branches that fuse take no time."""
        act = "relu" if self.name in OWN_ACTIVATION else self.activation
        if self.name == "ecb":
            return "conv", self.width, self.kernel, 1, act
        return self.name, self.width, self.kernel, self.expansion, act

    def act(self, width: int | None = None) -> nn.Module:
        """Return the activation for `width` features, by default the block's."""
        return activation(self.activation, self.width if width is None else width)

    @property
    def inner(self) -> int:
        """Number of features between two full convolutions: 0.5, 1 or 1.5 times the width."""
        return self.width * self.expansion // 2


def block(name: str, width: int, kernel: int, expansion: int, activation: str) -> nn.Module:
    """Return a block of these choices."""
    return BlockChoices(name, width, kernel, expansion, activation).build()


def activated_conv(c: BlockChoices, _place: int) -> nn.Module:
    """Return a convolution and its activation, without a skip: shallow chains of it are the best small networks."""
    layer = conv(c.width, c.width, c.kernel)
    start_chain(layer, SLOPES.get(c.activation, 0.0))
    return nn.Sequential(layer, c.act())


def collapsible(c: BlockChoices, _place: int) -> nn.Module:
    """Return an activated convolution that trains with branches and a skip, and fuses to one convolution.

    A 3x3 is the edge-oriented convolution of ECBSR, a larger kernel the expanded convolution of SESR. Both are
    `2·expansion` times wider inside.
    """
    wide = 2 * c.expansion
    layer: Collapsible = EdgeConv(c.width, c.width, expansion=wide, identity=True)
    if c.kernel > 3:
        layer = ExpandedConv(c.width, c.width, c.kernel, intermediate=wide * c.width, identity=True)
    start_chain(layer, SLOPES.get(c.activation, 0.0))
    return nn.Sequential(layer, c.act())


def residual(c: BlockChoices, _place: int) -> nn.Module:
    """Return the residual block of EDSR: convolution to `inner`, activation, convolution."""
    return skipped(*_two_convolutions(c))


def _two_convolutions(c: BlockChoices) -> tuple[nn.Module, nn.Module, nn.Module]:
    return conv(c.width, c.inner, c.kernel), c.act(c.inner), conv(c.inner, c.width, c.kernel)


def grouped(c: BlockChoices, _place: int) -> nn.Module:
    """Return two convolutions in `2^expansion` groups; a channel shuffle between them mixes the groups."""
    groups = 2**c.expansion
    first, second = (conv(c.width, c.width, c.kernel, groups=groups) for _ in range(2))
    return skipped(first, c.act(), nn.ChannelShuffle(groups), second)


def inverted(c: BlockChoices, _place: int) -> nn.Module:
    """Return the inverted bottleneck of MobileNetV2: 1x1 to `expansion` times the width, depthwise, 1x1 back."""
    wide = c.expansion * c.width
    depthwise = conv(wide, wide, c.kernel, groups=wide)
    return skipped(conv(c.width, wide, 1), c.act(wide), depthwise, c.act(wide), conv(wide, c.width, 1))


def blueprint(c: BlockChoices, _place: int) -> nn.Module:
    """Return two blueprint-separable convolutions, with `expansion` times the width between them."""
    wide = c.expansion * c.width
    second = BlueprintConv(wide, c.width, c.kernel)
    return skipped(BlueprintConv(c.width, wide, c.kernel), c.act(wide), second, last=second.depthwise)


def distill(c: BlockChoices, _place: int) -> nn.Module:
    """Return the distillation block of RFDN: each of three steps sets `expansion` quarters of the features aside."""
    return _distillation(c, lambda inputs, outputs, _kernel=3, **_: conv(inputs, outputs, c.kernel))


def distill_separable(c: BlockChoices, _place: int) -> nn.Module:
    """Return the distillation block of BSRN: like `distill`, with blueprint-separable convolutions."""
    return _distillation(c, lambda inputs, outputs, _kernel=3, **_: BlueprintConv(inputs, outputs, c.kernel))


def _distillation(c: BlockChoices, convolution: Callable[..., nn.Module]) -> nn.Module:
    # The activation sees parts of different widths, so it has one slope.
    act = nn.PReLU() if c.activation == "prelu" else c.act()
    body = FeatureDistillation(c.width, c.width * c.expansion // 4, convolution=convolution, activation=act)
    return skipped(body, EnhancedSpatialAttention(c.width, c.width // 4), last=body.merge)


def channel_attention(c: BlockChoices, _place: int) -> nn.Module:
    """Return the block of RCAN: convolution to `inner`, activation, convolution, channel attention."""
    layers = _two_convolutions(c)
    return skipped(*layers, ChannelAttention(c.width, 4), last=layers[-1])


def spatial_attention(c: BlockChoices, _place: int) -> nn.Module:
    """Return a convolution to `inner`, activation, convolution, and the enhanced spatial attention of RFDN."""
    layers = _two_convolutions(c)
    return skipped(*layers, EnhancedSpatialAttention(c.width, c.width // 4), last=layers[-1])


class SelfCalibration(nn.Module):
    """Two branches of `inner` features, one of them gated at each pixel, merged by a 1x1 (the body of PAN's block)."""

    def __init__(self, c: BlockChoices) -> None:
        super().__init__()
        self.plain = nn.Sequential(conv(c.width, c.inner, 1), c.act(c.inner), conv(c.inner, c.inner, c.kernel))
        self.split = nn.Sequential(conv(c.width, c.inner, 1), c.act(c.inner))
        self.gate = conv(c.inner, c.inner, 1)
        self.gated = conv(c.inner, c.inner, c.kernel)
        self.after = conv(c.inner, c.inner, c.kernel)
        self.activation = c.act(2 * c.inner)
        self.merge = conv(2 * c.inner, c.width, 1)

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        split = self.split(features)
        gated = self.after(self.gated(split) * torch.sigmoid(self.gate(split)))
        return self.merge(self.activation(torch.cat([self.plain(features), gated], dim=1)))


def pixel_attention(c: BlockChoices, _place: int) -> nn.Module:
    """Return the self-calibrated block with pixel attention of PAN; each branch has `inner` features."""
    body = SelfCalibration(c)
    return skipped(body, last=body.merge)


def modulation(c: BlockChoices, _place: int) -> nn.Module:
    """Return spatially-adaptive feature modulation, then a convolutional mixer with `inner` features (SAFMN)."""
    gate = SpatialModulation(c.width, kernel=c.kernel)
    mixer = skipped(ChannelNorm(c.width), conv(c.width, c.inner), c.act(c.inner), conv(c.inner, c.width, 1))
    return nn.Sequential(skipped(ChannelNorm(c.width), gate, last=gate.mix), mixer)


def parameter_free(c: BlockChoices, _place: int) -> nn.Module:
    """Return the parameter-free attention of SPAN over `expansion` convolutions, with a skip around it."""
    body = ParameterFreeAttention(c.width, c.expansion, lambda inputs, outputs: conv(inputs, outputs, c.kernel))
    return skipped(body, last=body.convs[-1])


def large_kernel(c: BlockChoices, _place: int) -> nn.Module:
    """Return a depthwise convolution of `2·kernel + 1` pixels and a 1x1 bottleneck of `expansion` times the width."""
    wide, reach = c.expansion * c.width, 2 * c.kernel + 1
    return skipped(LargeDepthwise(c.width, reach), conv(c.width, wide, 1), c.act(wide), conv(wide, c.width, 1))


def window_attention(c: BlockChoices, place: int) -> nn.Module:
    """Return a light transformer layer, shifted in every second repeat.

    The windows have 4, 8 or 16 pixels for kernels of 3, 5 or 7.
    """
    heads = c.width // (16 if c.width % 16 == 0 else 8)
    window = 2 ** ((c.kernel + 1) // 2)
    block = WindowBlock(c.width, heads, window, shifted=place % 2 == 1, expansion=c.expansion)
    keep_variance(block)
    nn.init.zeros_(block.attention.project.weight)
    zero_parameters(block.forwards[-1])
    return block


BLOCKS: Mapping[str, Callable[[BlockChoices, int], nn.Module]] = {
    "conv": activated_conv,
    "ecb": collapsible,
    "residual": residual,
    "group": grouped,
    "invert": inverted,
    "blueprint": blueprint,
    "distill": distill,
    "distill_bs": distill_separable,
    "rcab": channel_attention,
    "pixel": pixel_attention,
    "esa": spatial_attention,
    "safm": modulation,
    "span": parameter_free,
    "large": large_kernel,
    "window": window_attention,
}
"""Every block by its name in the choices."""

CHAINED = frozenset({"conv", "ecb"})
"""Blocks that end in an activation. A head before such a block is activated, too."""

FIXED_EXPANSION = frozenset({"conv"})
"""Blocks that ignore `expansion`."""

OWN_ACTIVATION = frozenset({"span", "window"})
"""Blocks that have their own activation and ignore the network's."""
