"""A global image skip: the network learns only the error of interpolation."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.layers.conv import conv

CENTRE = 0.25
"""Subtracted from the input of the learned part. Brief trainings on infrared images were steadiest when about half of
the images' mean was subtracted: with nothing subtracted, ReLU features carry brightness instead of detail; with the
whole mean subtracted, narrow chains die."""

GAIN = 0.1
"""Factor of the learned part. Bicubic interpolation lacks little, so without the factor the first steps overshoot and
kill ReLUs: brief training then gained 0.3 dB instead of 1.5 dB on most networks."""


class ImageSkip(nn.Module):
    """Adds the interpolated input to a network's output: interpolated(x) + 0.1 · network(x - 0.25).

    `last`, the convolution that writes the network's output, starts at zero, so that an untrained network is exactly
    the interpolation and training starts from there. Plain cubic `Resize` (a = -0.75) is used because every deployment
    runtime has it. `nearest` copies pixels, which the simplest accelerators support, too.
    """

    def __init__(self, network: nn.Module, last: nn.Module, scale: int, mode: str = "bicubic") -> None:
        super().__init__()
        self.network = network
        self.scale = scale
        self.mode = mode
        for parameter in last.parameters():
            nn.init.zeros_(parameter)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        learned = self.network(image - CENTRE)
        return GAIN * learned + interpolate(image, self.scale, self.mode)


class LinearCorrection(nn.Sequential):
    """A learned linear filter beside the interpolation: [N, C, H, W] → [N, C, scale·H, scale·W].

    One 5x5 convolution writes all pixels of each channel, before a pixel shuffle, and starts at zero. With the
    interpolation of an `ImageSkip` it is one learned filter that starts as that interpolation. SPANV2 (NTIRE 2026)
    learns its skip, too: 3x3, from nearest neighbour.
    """

    def __init__(self, channels: int, scale: int) -> None:
        filters = conv(channels, channels * scale**2, 5, groups=channels, bias=False)
        super().__init__(filters, nn.PixelShuffle(scale))
        nn.init.zeros_(filters.weight)


class CorrectedNetwork(nn.Module):
    """The sum of a network and a `LinearCorrection` of its input."""

    def __init__(self, network: nn.Module, channels: int, scale: int) -> None:
        super().__init__()
        self.network = network
        self.correction = LinearCorrection(channels, scale)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] → [N, C, scale·H, scale·W]."""
        return self.network(image) + self.correction(image)


class Interpolation(nn.Module):
    """The interpolation of `ImageSkip` alone: [N, C, H, W] → [N, C, scale·H, scale·W]."""

    def __init__(self, scale: int, mode: str) -> None:
        super().__init__()
        self.scale, self.mode = scale, mode

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] → [N, C, scale·H, scale·W]."""
        return interpolate(image, self.scale, self.mode)


def upscale_bicubic(image: Tensor, scale: int) -> Tensor:
    """[N, C, H, W] → [N, C, scale·H, scale·W] by cubic convolution."""
    return interpolate(image, scale, "bicubic")


def interpolate(image: Tensor, scale: int, mode: str) -> Tensor:
    """[N, C, H, W] → [N, C, scale·H, scale·W]; `mode` is `bicubic`, `bilinear` or `nearest`."""
    corners = None if mode == "nearest" else False
    return F.interpolate(at_least_single(image), scale_factor=float(scale), mode=mode, align_corners=corners)


def at_least_single(image: Tensor) -> Tensor:
    """Return a half-precision image as float32, and any other image unchanged.

    Autocast leaves interpolation alone, but its input may have half precision. A skip carries the image, so the image
    stays in float32.
    """
    return image.to(torch.promote_types(image.dtype, torch.float32))
