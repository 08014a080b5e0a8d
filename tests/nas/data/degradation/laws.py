"""What the tests of operations share: to apply one that is written as YAML, and moments of images."""

import torch
import yaml
from torch import Tensor

from nas.data.degradation.draws import Draws
from nas.data.degradation.operation import parse_operation


def apply(text: str, images: Tensor, scale: int = 1, seed: int = 0) -> Tensor:
    """What one operation, written as YAML, makes of images that are the HR images of a scale."""
    draws = Draws.of_batch(images, scale, torch.Generator().manual_seed(seed))
    return parse_operation(yaml.safe_load(text))(images, draws)


def dots(side: int = 65, count: int = 1) -> Tensor:
    """Images [count, 1, side, side] of one bright pixel in the middle of an odd side."""
    images = torch.zeros(count, 1, side, side)
    images[:, :, side // 2, side // 2] = 1
    return images


def hill(height: int, width: int, place: tuple[float, float], sigma: float) -> Tensor:
    """A smooth hill [1, 1, height, width] of height 0.6 around `place` (y, x) in pixels."""
    y, x = (torch.arange(side, dtype=torch.float32) for side in (height, width))
    distance = (y[:, None] - place[0]) ** 2 + (x - place[1]) ** 2
    return (0.6 * torch.exp(-distance / (2 * sigma**2)))[None, None]


def moments(image: Tensor) -> tuple[Tensor, Tensor]:
    """Mean place (y, x) in pixels and covariance [2, 2] of an image [H, W], taken as a distribution."""
    image = image.double() / image.double().sum()
    y, x = (torch.arange(side, dtype=torch.float64) for side in image.shape)
    mean = torch.stack([(image.sum(1) * y).sum(), (image.sum(0) * x).sum()])
    dy, dx = y[:, None] - mean[0], x[None] - mean[1]
    crossed = (image * dy * dx).sum()
    spread = torch.stack([(image * dy**2).sum(), crossed, crossed, (image * dx**2).sum()])
    return mean, spread.view(2, 2)
