"""Operations that lose levels: JPEG, and rounding to a number of bits."""

from functools import lru_cache
from typing import Annotated

import torch
from torch import Tensor
from torch.nn import functional as F

from nas.data.degradation.amounts import Range, within
from nas.data.degradation.draws import Draws
from nas.data.degradation.operation import Operation, operation
from nas.data.jpeg_blocks import LUMINANCE, cosines


@operation("jpeg")
class Jpeg(Operation):
    """JPEG compression of an 8-bit image with a `quality` of 1 to 100, a whole number."""

    quality: Annotated[Range, within(1, 100)]

    def apply(self, images: Tensor, draws: Draws) -> Tensor:
        """[N, 1, H, W] → the same size; see `jpeg`."""
        return jpeg(images, draws.on_device(draws.whole_values(self.quality, len(images))))


@operation("quantise")
class Quantise(Operation):
    """Rounds to the levels of a whole number of `bits`, evenly spaced over 0..1. Other values are clipped."""

    bits: Annotated[Range, within(1, 16)]

    def apply(self, images: Tensor, draws: Draws) -> Tensor:
        """[N, 1, H, W] → the same size, values in 0..1."""
        bits = draws.on_device(draws.whole_values(self.bits, len(images))).view(-1, 1, 1, 1)
        peaks = 2.0**bits - 1
        return torch.round(images.clamp(0, 1) * peaks) / peaks


def jpeg(images: Tensor, qualities: Tensor) -> Tensor:
    """Return images [N, 1, H, W] after baseline JPEG with qualities [N], 1 to 100, scaled as in libjpeg.

    Values are clipped to 0..1 and rounded to 8 bits before and after. 1 to 3 % of the pixels differ from libjpeg by
    more than a level, because libjpeg computes the transform with integers.
    """
    height, width = images.shape[-2:]
    levels = torch.round(images.float().clamp(0, 1) * 255) - 128
    padded = F.pad(levels, (0, -width % 8, 0, -height % 8), mode="replicate")
    count, _, rows, columns = padded.shape
    blocks = padded.view(count, rows // 8, 8, columns // 8, 8).transpose(2, 3).reshape(count, -1, 64)
    transform = _transform(images.device)
    steps = _steps(qualities)[:, None]
    # libjpeg's coefficients are multiples of an eighth, and it rounds halves away from 0.
    eighths = torch.floor(8 * (blocks @ transform.T) + 0.5)
    blocks = eighths.sign() * torch.floor((eighths.abs() + 4 * steps) / (8 * steps)) * steps @ transform
    padded = blocks.view(count, rows // 8, columns // 8, 8, 8).transpose(2, 3).reshape(count, 1, rows, columns)
    return torch.round(padded[..., :height, :width] + 128).clamp(0, 255) / 255


def _steps(qualities: Tensor) -> Tensor:
    """Return the steps of the frequencies for qualities [N], scaled as in libjpeg: [N, 64]."""
    percent = torch.where(qualities < 50, 5000 // qualities, 200 - 2 * qualities)
    return ((_table(qualities.device) * percent[:, None] + 50) // 100).clamp(1, 255).float()


@lru_cache
def _table(device: torch.device) -> Tensor:
    return torch.tensor(LUMINANCE, device=device).flatten()


@lru_cache
def _transform(device: torch.device) -> Tensor:
    """Return the orthonormal discrete cosine transform of 8 x 8 pixels as a matrix [64 frequencies, 64 pixels]."""
    basis = cosines(torch.float64, torch.device("cpu"))
    return torch.kron(basis, basis).float().to(device)
