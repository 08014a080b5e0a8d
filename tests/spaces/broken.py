"""A user's own space whose networks fail in the way that `how` names."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from search_spaces import Choices, SearchSpace, Values, register


class _Broken(nn.Module):
    def __init__(self, how: str, scale: int) -> None:
        super().__init__()
        self.how = how
        self.layers = nn.Sequential(nn.Conv2d(1, scale**2, 1), nn.PixelShuffle(scale))

    def forward(self, image: Tensor) -> Tensor:
        sr: Tensor = self.layers(image)
        if image.device.type == "meta":  # counting its cost must work
            return sr
        if self.how == "raises":
            raise RuntimeError("the frobnicator is\nout of order")
        if self.how == "nan" or (self.how == "nan-when-measured" and not self.training):
            return sr * torch.nan
        return sr


@register
class Broken(SearchSpace):
    """Networks that raise, yield NaN, yield NaN only when measured, or work; `width` makes them different."""

    name: ClassVar[str] = "broken"
    summary: ClassVar[str] = "networks that fail"
    smallest: ClassVar[Choices] = {"how": "works", "width": 1}

    options: ClassVar[dict[str, Values]] = {
        "how": ("works", "raises", "nan", "nan-when-measured"),
        "width": range(1, 1001),
    }

    def network(self, choices: Choices, scale: int, channels: int) -> nn.Module:
        return _Broken(str(choices["how"]), scale)
