"""The blocks of `hybrid` that are made of convolutions alone; see `blocks`."""

import math
from collections.abc import Callable

from torch import nn

from search_spaces.layers.activation import SLOPES
from search_spaces.layers.block_choices import BlockChoices
from search_spaces.layers.blueprint import BlueprintConv
from search_spaces.layers.collapsible import Collapsible, start_chain
from search_spaces.layers.conv import LargeDepthwise, conv
from search_spaces.layers.distillation import FeatureDistillation
from search_spaces.layers.edge_conv import EdgeConv, ExpandedConv
from search_spaces.layers.low_rank import LowRankConv
from search_spaces.layers.residual import skipped
from search_spaces.layers.spatial_attention import EnhancedSpatialAttention


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
    return skipped(*two_convolutions(c))


def two_convolutions(c: BlockChoices) -> tuple[nn.Module, nn.Module, nn.Module]:
    """Return a convolution to `inner`, an activation and a convolution back."""
    return conv(c.width, c.inner, c.kernel), c.act(c.inner), conv(c.inner, c.width, c.kernel)


def grouped(c: BlockChoices, _place: int) -> nn.Module:
    """Return two convolutions in `2^expansion` groups; a channel shuffle between them mixes the groups.

    If eight groups do not divide the width, four do.
    """
    groups = math.gcd(2**c.expansion, c.width)
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


def large_kernel(c: BlockChoices, _place: int) -> nn.Module:
    """Return a depthwise convolution of `2·kernel + 1` pixels and a 1x1 bottleneck of `expansion` times the width."""
    wide, reach = c.expansion * c.width, 2 * c.kernel + 1
    return skipped(LargeDepthwise(c.width, reach), conv(c.width, wide, 1), c.act(wide), conv(wide, c.width, 1))


def chain(c: BlockChoices, _place: int) -> nn.Module:
    """Return three to five convolutions with activations between them and one skip around all (DISP, NTIRE 2026)."""
    layers: list[nn.Module] = []
    for _ in range(c.expansion + 1):
        layers += [conv(c.width, c.width, c.kernel), c.act()]
    return skipped(*layers, conv(c.width, c.width, c.kernel))


def low_rank(c: BlockChoices, _place: int) -> nn.Module:
    """Return two low-rank convolutions over `inner` features with an activation between them."""
    first, second = (LowRankConv(c.width, c.inner, c.width, c.kernel) for _ in range(2))
    return skipped(first, c.act(), second, last=second[-1])
