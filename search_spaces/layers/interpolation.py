"""Interpolation to a multiple of the size: in training as torch computes it, in the inference form as a convolution.

Compilers of camera chips refuse a cubic Resize, and ONNX Runtime computes it slowly. At an integer scale it is one
convolution with repeated borders to `scale²` channels, and a pixel shuffle.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.layers.fixed_filter import FixedFilter
from search_spaces.layers.precision import at_least_single

RADIUS = {"nearest": 0, "bilinear": 1, "bicubic": 2, "smooth": 2}
"""How many LR pixels away from its own a pixel of the enlarged image depends on, for each mode."""


class Interpolation(nn.Module):
    """Interpolates by an integer factor: [N, C, H, W] → [N, C, scale·H, scale·W].

    `bicubic` is cubic convolution with a = -0.75, as in OpenCV and in the operator Resize of ONNX; `smooth` is the one
    with a = -0.5, as in MATLAB and PIL. `nearest` copies pixels.
    """

    def __init__(self, scale: int, mode: str = "bicubic") -> None:
        super().__init__()
        self.scale, self.mode = scale, mode

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] → [N, C, scale·H, scale·W]."""
        return interpolate(image, self.scale, self.mode)

    def fuse(self) -> nn.Sequential:
        """Return the same as a `FixedFilter` and a pixel shuffle; equal up to rounding, at the border, too."""
        return nn.Sequential(FixedFilter(filter_weights(self.scale, self.mode)), nn.PixelShuffle(self.scale))


def interpolate(image: Tensor, scale: int, mode: str = "bicubic") -> Tensor:
    """[N, C, H, W] → [N, C, scale·H, scale·W]; for `mode` see `Interpolation`."""
    exact = at_least_single(image)
    if mode == "smooth":
        return _smooth(exact, scale)
    corners = None if mode == "nearest" else False
    return F.interpolate(exact, scale_factor=float(scale), mode=mode, align_corners=corners)


def _smooth(image: Tensor, scale: int) -> Tensor:
    """[N, C, H, W] → [N, C, scale·H, scale·W] with a = -0.5, the outermost pixels repeated beyond the border."""
    radius = RADIUS["smooth"]
    # PyTorch uses this kernel only with `antialias`, which changes nothing else when enlarging, except that it leaves
    # out what lies beyond the border.
    padded = F.pad(image, (radius,) * 4, mode="replicate")
    large = F.interpolate(padded, scale_factor=float(scale), mode="bicubic", align_corners=False, antialias=True)
    edge = scale * radius
    return large[..., edge:-edge, edge:-edge]


def filter_weights(scale: int, mode: str) -> Tensor:
    """Return the filters [scale², k, k], float64, whose outputs are the sub-pixels of an interpolation, row by row.

    They are the responses of the interpolation to single pixels.
    """
    radius = RADIUS[mode]
    side, centre = 2 * radius + 1, 2 * radius
    pixels = torch.zeros(side, side, 2 * centre + 1, 2 * centre + 1, dtype=torch.float64)
    for row in range(side):
        for column in range(side):
            pixels[row, column, centre - radius + row, centre - radius + column] = 1
    large = interpolate(pixels.flatten(0, 1)[:, None], scale, mode)
    middle = slice(scale * centre, scale * (centre + 1))
    return large[:, 0, middle, middle].permute(1, 2, 0).reshape(scale**2, side, side)
