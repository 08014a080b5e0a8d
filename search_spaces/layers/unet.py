"""The residual U-Net of DRUNet and USRNet."""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.layers.conv import conv


class ResidualBlock(nn.Module):
    """x + conv(ReLU(conv(x))), without biases: [N, width, H, W] → the same shape."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(width, width, bias=False), nn.ReLU(), conv(width, width, bias=False))

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        return features + self.body(features)


class ResidualUNet(nn.Module):
    """A U-Net of residual blocks with added skips: [N, inputs, H, W] → [N, outputs, H, W] (arXiv 2008.13751).

    Each of the `levels` has twice the width and half the resolution of the level above; 2x2 convolutions go down and
    transposed convolutions go up. No layer has a bias, so that a network trained at some noise levels works at others.
    If the lowest level can't divide an image, the image is padded with its border, so images of any size are accepted.
    """

    def __init__(self, inputs: int, outputs: int, width: int, levels: int, blocks: int) -> None:
        super().__init__()
        widths = [width << level for level in range(levels)]
        self.multiple = 1 << (levels - 1)
        self.head = conv(inputs, width, bias=False)
        self.down = nn.ModuleList(
            nn.Sequential(*_blocks(upper, blocks), nn.Conv2d(upper, lower, 2, 2, bias=False))
            for upper, lower in pairwise(widths)
        )
        self.body = nn.Sequential(*_blocks(widths[-1], blocks))
        self.up = nn.ModuleList(
            nn.Sequential(nn.ConvTranspose2d(lower, upper, 2, 2, bias=False), *_blocks(upper, blocks))
            for upper, lower in pairwise(widths)
        )
        self.tail = conv(width, outputs, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        """[N, inputs, H, W] → [N, outputs, H, W]."""
        height, width = image.shape[-2:]
        padding = (0, -width % self.multiple, 0, -height % self.multiple)
        features = self.head(F.pad(image, padding, mode="replicate"))
        skipped = [features]
        for down in self.down:
            skipped.append(down(skipped[-1]))
        features = self.body(skipped[-1])
        for up, skip in zip(reversed(list(self.up)), reversed(skipped), strict=False):
            features = up(features + skip)
        return self.tail(features + skipped[0])[..., :height, :width]


def _blocks(width: int, count: int) -> list[ResidualBlock]:
    return [ResidualBlock(width) for _ in range(count)]


AUTHORS_NAMES = (
    (r"(^|\.)m_(head|body|tail)\.", r"\1\2."),
    *((rf"(^|\.)m_(down|up){level + 1}\.", rf"\1\2.{level}.") for level in range(3)),
    (r"\.res\.", ".body."),
)
"""Rules that turn the names of cszn/KAIR's U-Nets into ours; see `SearchSpace.translate`."""
