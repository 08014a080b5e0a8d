"""Upsamplers: from features to an image at the high resolution."""

from torch import Tensor, nn

from search_spaces.layers.activation import activation as make_activation
from search_spaces.layers.conv import conv


def factors(scale: int) -> tuple[int, ...]:
    """Return the steps in which an upsampler reaches `scale`: twos if they divide it, else the scale itself."""
    return (2, *factors(scale // 2)) if scale > 2 and scale % 2 == 0 else (scale,)


class PixelShuffleDirect(nn.Sequential):
    """One convolution to `scale²` images, then the pixel shuffle: [N, inputs, H, W] → [N, channels, scale·H, scale·W].

    This is the cheapest tail, since nothing is computed at the high resolution.
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
    """A convolution and a shuffle for each factor of the scale (EDSR): [N, width, H, W] → [N, width, s·H, s·W]."""

    def __init__(self, width: int, scale: int, *, groups: int = 1, activation: type[nn.Module] | None = None) -> None:
        layers: list[nn.Module] = []
        for factor in factors(scale):
            layers += [conv(width, width * factor**2, groups=groups), nn.PixelShuffle(factor)]
            layers += [activation()] if activation else []
        super().__init__(*layers)


UPSAMPLERS = ("direct", "separable", "steps", "nearest", "transposed")
"""One pixel shuffle; a depthwise and a 1x1 convolution before it; pixel shuffles in steps; nearest neighbour and
convolutions; a transposed convolution."""


class Upsampler(nn.Module):
    """Turns features into an image, in one of five ways: [N, width, H, W] → [N, channels, factor·H, factor·W].

    `direct`, `separable` and `transposed` compute nothing at the high resolution. `separable` is the tail of SPANV2
    (NTIRE 2026), cheap where the features are many. `steps` is the tail of EDSR. `nearest` is the tail of PAN without
    its gate, with half the width at each step.
    """

    def __init__(self, kind: str, width: int, channels: int, factor: int, activation: str) -> None:
        super().__init__()
        self.body: nn.Module = nn.Identity()
        self.shuffle = nn.PixelShuffle(factor) if kind in ("direct", "separable") else nn.Identity()
        self.last: nn.Conv2d | nn.ConvTranspose2d
        if kind == "direct":
            self.last = conv(width, channels * factor**2)
        elif kind == "separable":
            self.body, self.last = conv(width, width, groups=width), conv(width, channels * factor**2, 1)
        elif kind == "steps":
            self.body, self.last = PixelShuffleSteps(width, factor), conv(width, channels)
        elif kind == "nearest":
            layers: list[nn.Module] = []
            inputs, half = width, max(4, width // 2)
            for step in factors(factor):
                layers += [nn.Upsample(scale_factor=step), conv(inputs, half), make_activation(activation, half)]
                inputs = half
            self.body, self.last = nn.Sequential(*layers), conv(half, channels)
        else:
            odd = factor % 2
            kernel, padding = 2 * factor + odd, (factor + odd) // 2
            self.last = nn.ConvTranspose2d(width, channels, kernel, factor, padding)

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → [N, channels, factor·H, factor·W]."""
        return self.shuffle(self.last(self.body(features)))
