"""The wavelet front end of IRSRMamba (arXiv 2405.09873)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.layers.conv import bias_of, conv


class WaveletFrontEnd(nn.Module):
    """[N, C, H, W] → the same shape, for H and W from 2: the input of the authors' body."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.small = conv(channels, channels)
        self.large = nn.Sequential(conv(channels, channels, 7, groups=channels), conv(channels, channels, 1))
        self.modulation = nn.Sequential(conv(4 * channels, 2 * channels, 1), nn.SiLU(), conv(2 * channels, channels, 1))
        self.merge = conv(2 * channels, channels, 1)
        self._start_with_the_image()

    def _start_with_the_image(self) -> None:
        """Initialise so that the image passes beside its modulated form: few random channels would blur or lose it."""
        nn.init.dirac_(self.small.weight)
        with torch.no_grad():
            self.merge.weight[:, len(self.merge.weight) :].copy_(torch.eye(len(self.merge.weight))[..., None, None])
        for last in (self.small, self.merge):
            nn.init.zeros_(bias_of(last))

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] → the same shape."""
        small, large = self.small(image), self.large(image)
        bands = F.interpolate(haar(small), scale_factor=2.0, mode="bicubic", align_corners=False)
        factor = self.modulation(bands)
        # An odd row or column has no partner in the wavelet; the factor is stretched over it.
        factor = F.interpolate(factor, size=image.shape[-2:], mode="bilinear", align_corners=False)
        return self.merge(torch.cat((large * factor, small), dim=1))


def haar(image: Tensor) -> Tensor:
    """[N, C, H, W] → [N, 4·C, H // 2, W // 2]: mean, differences along rows, along columns and along both, times 2."""
    height, width = image.shape[-2] // 2, image.shape[-1] // 2
    upper, lower = image[:, :, 0::2][:, :, :height], image[:, :, 1::2]
    a, b = upper[..., 0::2][..., :width], upper[..., 1::2]
    c, d = lower[..., 0::2][..., :width], lower[..., 1::2]
    return torch.cat((a + b + c + d, b + d - a - c, c + d - a - b, a + d - b - c), dim=1) / 2
