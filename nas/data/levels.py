"""The conversion between the integers of an image's file and the values that a network sees."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from nas.data.images import Pixels, peak_of


@dataclass(frozen=True)
class Levels:
    """The levels of an image: the integers `low` and `high` become the values 0 and 1. Other values are allowed."""

    low: float
    high: float
    limit: int
    """The largest integer of the file's type; the smallest is 0."""
    peak: float
    """The peak of PSNR and SSIM, in integer levels."""

    @classmethod
    def of_type(cls, dtype: Any) -> "Levels":
        """Return levels for the whole range of a type, 0..255 or 0..65535. Raises ValueError for another type."""
        limit = peak_of(dtype)
        return cls(0, limit, limit, limit)

    def of_studio_luma(self) -> "Levels":
        """Return these levels of gray for an image that was converted to luma of 16..235 (of 8 bits).

        With them a network sees the same values as in the gray image. The peak stays.
        """
        low, high = (self.limit * 16 / 255 + level * 219 / 255 for level in (self.low, self.high))
        return replace(self, low=low, high=high)

    def tensor(self, pixels: Pixels) -> Tensor:
        """Convert an image of a file, uint8 or uint16 [H, W], to float32 [1, 1, H, W] as a network sees it."""
        return self.values(torch.from_numpy(pixels))[None, None]

    def values(self, integers: Tensor) -> Tensor:
        """Convert integers of a file, of any shape and type, to float32 values as a network sees them."""
        return (integers.float() - self.low) / (self.high - self.low)

    def integers(self, values: Tensor) -> Tensor:
        """Convert values of any shape to whole numbers 0..limit in float32: rounded half up, then clipped."""
        return torch.floor(values.float() * (self.high - self.low) + self.low + 0.5).clamp(0, self.limit)
