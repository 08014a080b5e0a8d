"""Images that a formula makes, so that figures which other programs gave for them hold for ever."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from nas.data.dataset import open_images
from nas.data.image_set import ImageSet


def pattern(height: int, width: int) -> Tensor:
    """Waves with flat patches between, whole numbers 0..255, float64 [1, 1, H, W]."""
    y, x = np.mgrid[:height, :width]
    waves = 120 + 50 * np.sin(x / 3) + 40 * np.cos(y / 5 + x / 40)
    return torch.from_numpy(np.floor(np.where((x // 20 + y // 28) % 3 == 0, 90, waves) + 0.5))[None, None]


def noisy(image: Tensor, amount: int) -> Tensor:
    """With an error of up to `amount` levels that varies from pixel to pixel."""
    y, x = np.mgrid[: image.shape[-2], : image.shape[-1]]
    return (image + torch.from_numpy((x * x * 7 + y * y * 13 + x * y * 5) % (2 * amount + 1) - amount)).clamp(0, 255)


def blurred(image: Tensor) -> Tensor:
    """Half of each pixel and an eighth of each neighbour, rounded."""
    p = torch.nn.functional.pad(image, (1, 1, 1, 1), mode="replicate")
    around = p[..., :-2, 1:-1] + p[..., 2:, 1:-1] + p[..., 1:-1, :-2] + p[..., 1:-1, 2:]
    return torch.floor((around + 4 * p[..., 1:-1, 1:-1]) / 8 + 0.5)


DISTORTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "a little noise": lambda image: noisy(image, 3),
    "much noise": lambda image: noisy(image, 20),
    "blur": blurred,
    "an offset": lambda image: image + 2,
}


@pytest.fixture
def images(tiny_data: Path, tmp_path: Path) -> ImageSet:
    return open_images(tiny_data / "val", scale=2, cache=tmp_path / "cache")
