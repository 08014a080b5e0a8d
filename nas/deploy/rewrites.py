"""Forms of a network for chips that lack an operator: the same function of other operators."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from nas.deploy.target import Target
from search_spaces.layers.fixed_filter import FixedFilter
from search_spaces.layers.fused import fused


def deployed(network: nn.Module, target: Target | None = None) -> nn.Module:
    """Return the inference form of a network on the CPU, of operators that the target takes where there are such.

    PReLU and leaky ReLU become a ReLU and products, a pixel shuffle becomes a transposed convolution,
    and repeated borders are cut out and put beside the image. The given network is not changed.
    """
    network = fused(copy.deepcopy(network).cpu()).eval()
    if target is None:
        return network
    for kind, layer in (("PRelu", nn.PReLU), ("LeakyRelu", nn.LeakyReLU)):
        if kind in target.slow or not target.runs(kind):
            multiplies = target.runs("Mul")
            network = _replaced(network, layer, lambda old, multiplies=multiplies: _Rectifier(old, multiplies))
    if not (target.pixel_shuffle and target.runs("DepthToSpace")):
        network = _replaced(network, nn.PixelShuffle, lambda layer: _transposed(layer, target))
    if not target.runs("Pad", mode="edge") and target.runs("Slice") and target.runs("Concat"):
        network = _replaced(network, FixedFilter, SlicedFilter)
    return network


class _Rectifier(nn.Module):
    """A PReLU or a leaky ReLU as slope · x + (1 - slope) · relu(x), the products as such or as 1x1 convolutions."""

    slopes: Tensor

    def __init__(self, layer: nn.PReLU | nn.LeakyReLU, multiplies: bool) -> None:
        super().__init__()
        self.multiplies = multiplies
        slopes = layer.weight.detach() if isinstance(layer, nn.PReLU) else torch.tensor([layer.negative_slope])
        self.register_buffer("slopes", slopes.clone()[:, None, None])

    def forward(self, features: Tensor) -> Tensor:
        """[N, C, H, W] → the same shape."""
        rectified = nn.functional.relu(features)
        if self.multiplies:
            return self.slopes * features + (1 - self.slopes) * rectified
        channels = features.shape[1]
        slopes = self.slopes.expand(channels, 1, 1)[:, None]
        kept = nn.functional.conv2d(features, slopes, groups=channels)
        return kept + nn.functional.conv2d(rectified, 1 - slopes, groups=channels)


class TransposedShuffle(nn.Module):
    """A pixel shuffle as a transposed convolution: [N, C·factor², H, W] → [N, C, factor·H, factor·W]."""

    weight: Tensor

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor
        weight = torch.eye(factor**2).reshape(factor**2, 1, factor, factor)
        self.register_buffer("weight", weight, persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """[N, C·factor², H, W] → [N, C, factor·H, factor·W]."""
        channels = features.shape[1] // self.factor**2
        weight = self.weight.repeat(channels, 1, 1, 1)
        return nn.functional.conv_transpose2d(features, weight, stride=self.factor, groups=channels)


def _transposed(layer: nn.PixelShuffle, target: Target) -> nn.Module:
    """Return a transposed convolution in place of a shuffle, if the target runs one with this stride."""
    strides = [layer.upscale_factor] * 2
    return TransposedShuffle(layer.upscale_factor) if target.runs("ConvTranspose", strides=strides) else layer


class SlicedFilter(nn.Module):
    """A `FixedFilter` that repeats the border by slices of the image: [N, C, H, W] → [N, C·K, H, W]."""

    def __init__(self, layer: FixedFilter) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] → [N, C·K, H, W]."""
        return self.layer.filtered(_with_borders(_with_borders(image, self.layer.radius, 2), self.layer.radius, 3))


def _with_borders(image: Tensor, count: int, axis: int) -> Tensor:
    first, last = image.narrow(axis, 0, 1), image.narrow(axis, image.shape[axis] - 1, 1)
    return torch.cat([*[first] * count, image, *[last] * count], dim=axis) if count else image


def _replaced(network: nn.Module, kind: type[nn.Module], replacement: Callable[..., nn.Module]) -> nn.Module:
    """Replace each module of a kind within a network, or the network itself."""
    if isinstance(network, kind):
        return replacement(network)
    for name, child in network.named_children():
        setattr(network, name, _replaced(child, kind, replacement))
    return network
