"""How features become an image at the high resolution."""

from torch import nn

from search_spaces.layers.conv import conv


def factors(scale: int) -> tuple[int, ...]:
    """Return the steps in which an upsampler reaches `scale`: twos where it divides, else the scale itself."""
    return (2, *factors(scale // 2)) if scale > 2 and scale % 2 == 0 else (scale,)


class PixelShuffleDirect(nn.Sequential):
    """One convolution to `scale²` images, then the pixel shuffle: [N, inputs, H, W] → [N, channels, scale·H, scale·W].

    The cheapest tail, since nothing is computed at the high resolution.
    """

    def __init__(self, inputs: int, channels: int, scale: int, kernel: int = 3) -> None:
        super().__init__(conv(inputs, channels * scale**2, kernel), nn.PixelShuffle(scale))

    @property
    def last(self) -> nn.Conv2d:
        """The convolution that writes the image."""
        layer = self[0]
        assert isinstance(layer, nn.Conv2d)
        return layer


class PixelShuffleSteps(nn.Sequential):
    """For each factor of the scale a convolution and a shuffle (EDSR): [N, width, H, W] → [N, width, s·H, s·W]."""

    def __init__(self, width: int, scale: int, *, groups: int = 1, activation: type[nn.Module] | None = None) -> None:
        layers: list[nn.Module] = []
        for factor in factors(scale):
            layers += [conv(width, width * factor**2, groups=groups), nn.PixelShuffle(factor)]
            layers += [activation()] if activation else []
        super().__init__(*layers)
