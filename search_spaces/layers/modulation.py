"""Features multiplied by a map made from coarser copies of the features (SAFMN, arXiv 2302.13800)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.layers.conv import conv
from search_spaces.layers.sides import has_multiples


class SpatialModulation(nn.Module):
    """Splits the channels into `levels` equal parts; part i is pooled 2^i times coarser, convolved and enlarged.

    The convolutions are depthwise. A 1x1 convolution mixes the parts, and its GELU multiplies the input. If `levels`
    does not divide the width, the finest parts have one more channel.
    """

    def __init__(self, width: int, levels: int = 4, kernel: int = 3) -> None:
        super().__init__()
        self.widths = [(width + levels - 1 - level) // levels for level in range(levels)]
        self.levels = nn.ModuleList(conv(part, part, kernel, groups=part) for part in self.widths)
        self.mix = conv(width, width, 1)

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        parts = []
        for level, (part, layer) in enumerate(zip(features.split(self.widths, dim=1), self.levels, strict=True)):
            coarse = layer(max_pool_to_fraction(part, 2**level))
            parts.append(enlarge_to(coarse, features) if level else coarse)
        return F.gelu(self.mix(torch.cat(parts, dim=1))) * features


def max_pool_to_fraction(features: Tensor, divisor: int) -> Tensor:
    """[N, C, H, W] → [N, C, H // divisor, W // divisor], at least one pixel: the maximum of each part.

    The parts are equal if the divisor divides the sides; else they overlap by a pixel (adaptive pooling).
    """
    if divisor == 1:
        return features
    if has_multiples(features, divisor):
        return F.max_pool2d(features, divisor)
    if not torch.compiler.is_exporting():
        height, width = (max(1, size // divisor) for size in features.shape[2:])
        return F.adaptive_max_pool2d(features, (height, width))
    return _max_of_parts(_max_of_parts(features, 2, divisor), 3, divisor)


def _max_of_parts(features: Tensor, axis: int, divisor: int) -> Tensor:
    """Compute adaptive max pooling along one axis, by operators that ONNX has for images of any size."""
    size = features.shape[axis]
    count = torch.sym_max(size // divisor, 1)
    part = torch.arange(count, device=features.device)[:, None]
    start, last = part * size // count, ((part + 1) * size + count - 1) // count - 1
    # No part is longer than 2·divisor - 1, the length in an image with a single part.
    within = torch.arange(2 * divisor - 1, device=features.device)
    index = torch.minimum(start + within, last)
    return features.index_select(axis, index.flatten()).unflatten(axis, (count, 2 * divisor - 1)).amax(axis + 1)


def enlarge_to(coarse: Tensor, like: Tensor) -> Tensor:
    """[N, C, h, w] → [N, C, H, W], the height and width of `like`, by copying pixels."""
    return F.interpolate(coarse, size=like.shape[2:], mode="nearest")
