"""How the integers in an image's file and the values that a network sees belong together."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from nas.data.images import Pixels, peak_of


@dataclass(frozen=True)
class Levels:
    """The levels of one image: values 0 and 1 stand for the integers `low` and `high`; values beyond are allowed."""

    low: float
    high: float
    limit: int
    """The largest integer that the file's type holds; the smallest is 0."""
    peak: float
    """The range that PSNR and SSIM are measured against, in integer levels."""

    @classmethod
    def of_type(cls, dtype: Any) -> "Levels":
        """Levels that use the type's whole range, 0..255 or 0..65535. Raises `ValueError` for another type."""
        limit = peak_of(dtype)
        return cls(0, limit, limit, limit)

    def of_studio_luma(self) -> "Levels":
        """These levels of gray, as an image holds them that was turned into luma of 16..235 (of 8 bits).

        A network then sees the same values; what it is measured against stays.
        """
        low, high = (self.limit * 16 / 255 + level * 219 / 255 for level in (self.low, self.high))
        return replace(self, low=low, high=high)

    def tensor(self, pixels: Pixels) -> Tensor:
        """One image of a file, uint8 or uint16 [H, W] → float32 [1, 1, H, W] as a network sees it."""
        return self.values(torch.from_numpy(pixels))[None, None]

    def values(self, integers: Tensor) -> Tensor:
        """Integers of the file, any shape and type → float32 values as a network sees them."""
        return (integers.float() - self.low) / (self.high - self.low)

    def integers(self, values: Tensor) -> Tensor:
        """Values of any shape → whole numbers 0..limit in float32: rounded half up, then clipped."""
        return torch.floor(values.float() * (self.high - self.low) + self.low + 0.5).clamp(0, self.limit)
