"""A global image skip: the network learns only the error of interpolation."""

from torch import Tensor, nn

from search_spaces.layers.conv import conv
from search_spaces.layers.interpolation import Interpolation
from search_spaces.layers.merged_skip import MergedSkip

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
    the interpolation and training starts from there. `mode` is one of `Interpolation`. In the inference form the
    interpolation is a convolution, the factor is part of the last convolution, and where the network ends with a pixel
    shuffle there is one for both: `MergedSkip`.
    """

    def __init__(self, network: nn.Module, last: nn.Module, channels: int, scale: int, mode: str = "bicubic") -> None:
        super().__init__()
        self.network = network
        self.channels = channels
        self.interpolation = Interpolation(scale, mode)
        for parameter in last.parameters():
            nn.init.zeros_(parameter)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        learned = self.network(image - CENTRE)
        return GAIN * learned + self.interpolation(image)

    def fuse(self) -> MergedSkip:
        """Return the inference form."""
        network = self.network
        summands = (network.network, network.correction) if isinstance(network, CorrectedNetwork) else (network,)
        return MergedSkip(summands, self.channels, self.interpolation, CENTRE, GAIN)


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
