"""The blocks of `hybrid` in which features are weighed by features: attention, gates and modulation; see `blocks`."""

import torch
from torch import Tensor, nn

from search_spaces.layers.attention import ChannelAttention
from search_spaces.layers.block_choices import BlockChoices
from search_spaces.layers.channel_norm import ChannelNorm
from search_spaces.layers.conv import conv
from search_spaces.layers.conv_blocks import two_convolutions
from search_spaces.layers.gates import FeatureGate, GatedDepthwise
from search_spaces.layers.initialisation import keep_variance
from search_spaces.layers.modulation import SpatialModulation
from search_spaces.layers.parameter_free import ParameterFreeAttention
from search_spaces.layers.residual import skipped, zero_parameters
from search_spaces.layers.spatial_attention import EnhancedSpatialAttention
from search_spaces.layers.window import WindowBlock


def channel_attention(c: BlockChoices, _place: int) -> nn.Module:
    """Return the block of RCAN: convolution to `inner`, activation, convolution, channel attention."""
    layers = two_convolutions(c)
    return skipped(*layers, ChannelAttention(c.width, 4), last=layers[-1])


def spatial_attention(c: BlockChoices, _place: int) -> nn.Module:
    """Return a convolution to `inner`, activation, convolution, and the enhanced spatial attention of RFDN."""
    layers = two_convolutions(c)
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


def feature_gate(c: BlockChoices, _place: int) -> nn.Module:
    """Return the gated block of SPANV2 over `expansion` convolutions."""
    block = FeatureGate(c.width, c.expansion, lambda inputs, outputs: conv(inputs, outputs, c.kernel))
    keep_variance(block)
    block.start_open()
    zero_parameters(block.convs[-1])
    return block


def gated_depthwise(c: BlockChoices, _place: int) -> nn.Module:
    """Return a gated feed-forward: two halves of `expansion` times the width, a depthwise convolution, a product."""
    wide = c.expansion * c.width
    body = GatedDepthwise(c.width, wide, c.kernel, c.act(wide))
    return skipped(body, last=body.narrow)


def window_attention(c: BlockChoices, place: int) -> nn.Module:
    """Return a light transformer layer, shifted in every second repeat.

    The windows have 4, 8 or 16 pixels for kernels of 3, 5 or 7. A head has 16 channels if they divide the width, else
    the fewest, from 8 on, that do.
    """
    wished = 16 if c.width % 16 == 0 else 8
    heads = next(count for count in range(max(1, c.width // wished), 0, -1) if c.width % count == 0)
    window = 2 ** ((c.kernel + 1) // 2)
    block = WindowBlock(c.width, heads, window, shifted=place % 2 == 1, expansion=c.expansion)
    keep_variance(block)
    nn.init.zeros_(block.attention.project.weight)
    zero_parameters(block.forwards[-1])
    return block
