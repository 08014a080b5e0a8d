"""The sharpened input of a network: detail is amplified before the first convolution."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.layers.fixed_filter import FixedFilter
from search_spaces.layers.precision import at_least_single

WINDOW = 3
"""Side of the neighbourhood in pixels."""
SHARPNESS = 5.0
"""Factor of the detail. From 4 to 10, the gain is the same within the noise of a training (docs/tried.md)."""


class Sharpening(nn.Module):
    """Adds five times the difference from the mean of the neighbours: [N, C, H, W] → the same shape.

    Brightness is most of an image's power, and detail is what super-resolution is about. A network that sees both in
    nearly equal strength learns sooner. Beyond the border, the outermost pixels are repeated. It has no weights and no
    multiply-adds worth counting: in the inference form it is one 3x3 convolution of the image.
    """

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] → the same shape."""
        # Detail of a few hundredths of the brightness would vanish in half precision, so it is taken before rounding.
        exact = at_least_single(image)
        mean = F.avg_pool2d(F.pad(exact, (WINDOW // 2,) * 4, mode="replicate"), WINDOW, stride=1)
        return (exact + SHARPNESS * (exact - mean)).to(image.dtype)

    def fuse(self) -> FixedFilter:
        """Return the same as one convolution."""
        weight = torch.full((1, WINDOW, WINDOW), -SHARPNESS / WINDOW**2, dtype=torch.float64)
        weight[0, WINDOW // 2, WINDOW // 2] += 1 + SHARPNESS
        return FixedFilter(weight, returns_type_of_input=True)
