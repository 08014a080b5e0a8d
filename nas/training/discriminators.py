"""Discriminators: networks that distinguish real images from the output of a super-resolution network."""

from collections.abc import Callable, Mapping

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

SLOPE = 0.2
"""The negative slope of the leaky ReLUs in these papers."""


class UNet(nn.Module):
    """The U-Net with spectral normalisation of Real-ESRGAN (2107.10833, figure 6).

    The image is halved three times, up to 8 times the width, and enlarged again. The features of each size are added on
    the way up.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, width, 3, padding=1)
        self.down = nn.ModuleList(_norm(width * f, width * 2 * f, 4, stride=2) for f in (1, 2, 4))
        self.up = nn.ModuleList(_norm(width * 2 * f, width * f, 3) for f in (4, 2, 1))
        self.refine = nn.ModuleList(_norm(width, width, 3) for _ in range(2))
        self.last = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        """[N, 1, H, W] in 0..1, at least 8 x 8 → logits [N, 1, H, W], positive where the image looks real."""
        features = F.leaky_relu(self.first(image), SLOPE)
        skips = []
        for conv in self.down:
            skips.append(features)
            features = F.leaky_relu(conv(features), SLOPE)
        for conv in self.up:
            skip = skips.pop()
            features = F.interpolate(features, size=skip.shape[-2:], mode="bilinear", align_corners=False)
            features = F.leaky_relu(conv(features), SLOPE) + skip
        for conv in self.refine:
            features = F.leaky_relu(conv(features), SLOPE)
        logits: Tensor = self.last(features)
        return logits


class Patch(nn.Sequential):
    """The 70 x 70 PatchGAN (1611.07004) as in BSRGAN, with spectral normalisation instead of batch normalisation.

    Each logit judges the patch of 70 x 70 pixels around it, as far as the image reaches.
    """

    def __init__(self, width: int) -> None:
        super().__init__(
            nn.Conv2d(1, width, 4, stride=2, padding=1),
            nn.LeakyReLU(SLOPE),
            _norm(width, width * 2, 4, stride=2),
            nn.LeakyReLU(SLOPE),
            _norm(width * 2, width * 4, 4, stride=2),
            nn.LeakyReLU(SLOPE),
            _norm(width * 4, width * 8, 4),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(width * 8, 1, 4, padding=1),
        )


def _norm(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Module:
    return spectral_norm(nn.Conv2d(inputs, outputs, kernel, stride, padding=1, bias=False))


DISCRIMINATORS: Mapping[str, Callable[[int], nn.Module]] = {"unet": UNet, "patch": Patch}
"""The name in a recipe → the constructor, which takes the width."""
