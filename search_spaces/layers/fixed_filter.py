"""Filters with fixed weights in the inference form of a network: each is one convolution with repeated borders."""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.layers.precision import at_least_single, full_precision


class FixedFilter(nn.Module):
    """Filters each channel with the same fixed weights: [N, C, H, W] → [N, C·K, H, W], computed in float32 or more.

    The image is continued beyond its border by repeating the outermost pixels. The weights are no parameters, since no
    training changes them.
    """

    counts_as_free: ClassVar[bool] = True
    """Its multiply-adds do not count, as those of interpolation do not in papers."""
    weight: Tensor

    def __init__(self, weight: Tensor, *, returns_type_of_input: bool = False) -> None:
        """`weight` is [K, k, k] with an odd k: K filters for each channel."""
        super().__init__()
        self.returns_type_of_input = returns_type_of_input
        self.radius = weight.shape[-1] // 2
        self.register_buffer("weight", weight[:, None].to(torch.get_default_dtype()), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] → [N, C·K, H, W]."""
        exact = at_least_single(image)
        if self.radius:
            exact = F.pad(exact, (self.radius,) * 4, mode="replicate")
        filtered = self.filtered(exact)
        return filtered.to(image.dtype) if self.returns_type_of_input else filtered

    def filtered(self, image: Tensor) -> Tensor:
        """[N, C, H + 2·radius, W + 2·radius] with its border → [N, C·K, H, W]."""
        channels, weight = image.shape[1], self.weight.to(image.dtype)
        if channels > 1:
            weight = weight.repeat(channels, 1, 1, 1)
        with full_precision(image.device):
            return F.conv2d(image, weight, groups=channels)
