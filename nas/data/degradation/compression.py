"""Operations that keep fewer levels: JPEG, and rounding to a number of bits."""

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
    """What JPEG compression of a whole-number `quality` (1 to 100) leaves of an image of 8 bits."""

    quality: Annotated[Range, within(1, 100)]

    def apply(self, images: Tensor, draws: Draws) -> Tensor:
        """[N, 1, H, W] → the same size; see `jpeg`."""
        return jpeg(images, draws.on_device(draws.whole_values(self.quality, len(images))))


@operation("quantise")
class Quantise(Operation):
    """Rounds to the levels of a whole number of `bits`, evenly spaced over 0..1; values beyond are clipped."""

    bits: Annotated[Range, within(1, 16)]

    def apply(self, images: Tensor, draws: Draws) -> Tensor:
        """[N, 1, H, W] → the same size, values in 0..1."""
        bits = draws.on_device(draws.whole_values(self.bits, len(images))).view(-1, 1, 1, 1)
        peaks = 2.0**bits - 1
        return torch.round(images.clamp(0, 1) * peaks) / peaks


def jpeg(images: Tensor, qualities: Tensor) -> Tensor:
    """Images [N, 1, H, W] after baseline JPEG of qualities [N], 1 to 100, scaled as by libjpeg.

    Values are clipped to 0..1 and rounded to 8 bits before and after. At 1 to 3 of 100 pixels it differs by more than
    a level from libjpeg, which transforms in whole numbers.
    """
    height, width = images.shape[-2:]
    levels = torch.round(images.float().clamp(0, 1) * 255) - 128
    padded = F.pad(levels, (0, -width % 8, 0, -height % 8), mode="replicate")
    count, _, rows, columns = padded.shape
    blocks = padded.view(count, rows // 8, 8, columns // 8, 8).transpose(2, 3).reshape(count, -1, 64)
    transform = _transform(images.device)
    steps = _steps(qualities)[:, None]
    # libjpeg knows its coefficients as whole eighths, and rounds a half away from 0.
    eighths = torch.floor(8 * (blocks @ transform.T) + 0.5)
    blocks = eighths.sign() * torch.floor((eighths.abs() + 4 * steps) / (8 * steps)) * steps @ transform
    padded = blocks.view(count, rows // 8, columns // 8, 8, 8).transpose(2, 3).reshape(count, 1, rows, columns)
    return torch.round(padded[..., :height, :width] + 128).clamp(0, 255) / 255


def _steps(qualities: Tensor) -> Tensor:
    """The steps of the frequencies at these qualities [N], as libjpeg scales them: [N, 64]."""
    percent = torch.where(qualities < 50, 5000 // qualities, 200 - 2 * qualities)
    return ((_table(qualities.device) * percent[:, None] + 50) // 100).clamp(1, 255).float()


@lru_cache
def _table(device: torch.device) -> Tensor:
    return torch.tensor(LUMINANCE, device=device).flatten()


@lru_cache
def _transform(device: torch.device) -> Tensor:
    """The orthonormal discrete cosine transform of 8 x 8 pixels as a matrix [64 frequencies, 64 pixels]."""
    one = cosines(torch.float64, torch.device("cpu"))
    return torch.kron(one, one).float().to(device)
