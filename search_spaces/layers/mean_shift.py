"""The mean that authors subtract from an image before their network sees it."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

DIV2K_MEAN = (0.4488, 0.4371, 0.4040)
"""Mean red, green and blue of the training images of DIV2K, in 0..1 (Lim et al., arXiv 1707.02921)."""

RANGE = 255.0
"""The value of white in many authors' networks; their weights expect it."""


class MeanShift(nn.Module):
    """Computes (image - mean) · spread; `back` undoes it.

    For an image with another number of channels than the mean, the average of the mean is subtracted, so that a colour
    network and its one-channel form see a gray image nearly alike. The mean is no parameter and not in the state dict.
    """

    mean: Tensor

    def __init__(self, channels: int, mean: Sequence[float] = DIV2K_MEAN, spread: float = 1) -> None:
        super().__init__()
        self.spread = spread
        values = mean if channels == len(mean) else [sum(mean) / len(mean)] * channels
        self.register_buffer("mean", torch.tensor(values).view(1, channels, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → (image - mean) · spread, the same shape."""
        return (image - self.mean) * self.spread

    def back(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in the network's range → the same shape in 0..1."""
        return image / self.spread + self.mean


def around(shift: MeanShift | None, network: Callable[[Tensor], Tensor], image: Tensor) -> Tensor:
    """[N, C, H, W] in 0..1 → the network's output in 0..1; with a shift, the network sees the shifted image."""
    if shift is None:
        return network(image)
    return shift.back(network(shift(image)))
