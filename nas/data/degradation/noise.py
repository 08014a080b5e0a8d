"""Operations that add noise. Levels are standard deviations in grey levels of 8 bits, for images of any bit depth."""

from abc import abstractmethod
from math import sqrt
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from nas.data.degradation.amounts import Range, within
from nas.data.degradation.draws import Draws
from nas.data.degradation.operation import Operation, operation

NONE = Range.parse(0)

Level = Annotated[Range, within(0, 255)]
Length = Annotated[Range, within(2, 10000)]


class _Added(Operation):
    """Adds a field of mean 0 and deviation 1 times the level."""

    draws_fields = True
    level: Level

    def apply(self, images: Tensor, draws: Draws) -> Tensor:
        """[N, 1, H, W] → the same size."""
        return images + draws.per_image(self.level, images) / 255 * self.field(images, draws)

    @abstractmethod
    def field(self, images: Tensor, draws: Draws) -> Tensor:
        """Return [N, 1, H, W], or a field that is constant along rows or columns, on the device of the images."""


@operation("gaussian-noise")
class GaussianNoise(_Added):
    """White normal noise."""

    def field(self, images: Tensor, draws: Draws) -> Tensor:
        """[N, 1, H, W]."""
        return draws.normal(*images.shape)


@operation("column-noise")
class ColumnNoise(_Added):
    """An offset for each column, added by its amplifier: vertical stripes."""

    def field(self, images: Tensor, draws: Draws) -> Tensor:
        """[N, 1, 1, W]."""
        return draws.normal(len(images), 1, 1, images.shape[-1])


@operation("row-noise")
class RowNoise(_Added):
    """An offset for each row: horizontal stripes."""

    def field(self, images: Tensor, draws: Draws) -> Tensor:
        """[N, 1, H, 1]."""
        return draws.normal(len(images), 1, images.shape[-2], 1)


@operation("drift")
class Drift(_Added):
    """Offsets that vary slowly over the image, as in a camera that has warmed up since its last correction.

    See `drift_field`. `length`, in pixels, is drawn for the whole batch.
    """

    length: Length = Range.parse(64)

    def field(self, images: Tensor, draws: Draws) -> Tensor:
        """[N, 1, H, W]."""
        return drift_field(images, draws, float(draws.values(self.length, 1)))


@operation("shot-noise")
class ShotNoise(Operation):
    """The noise of counted photons. Its deviation is `level` at full brightness, and `level` · √v at brightness v.

    Normal numbers replace Poisson numbers with the same mean and variance. Above about ten counts they look the same,
    and they are twenty times faster. Each image takes the same count of random numbers.
    """

    draws_fields = True
    level: Level

    def apply(self, images: Tensor, draws: Draws) -> Tensor:
        """[N, 1, H, W] → the same size."""
        level = draws.per_image(self.level, images) / 255
        return images + level * images.clamp(min=0).sqrt() * draws.normal(*images.shape)


@operation("sensor-noise")
class SensorNoise(Operation):
    """The noise of a thermal sensor in kelvin: temporal noise, and patterns of columns, rows and drift.

    `netd` is the temporal noise of a pixel in mK. `span` is the difference between black and white (values 0 and 1) in
    kelvin. `columns`, `rows` and `drift` are the deviations of their patterns as shares of the temporal noise. This is
    the three-dimensional noise model (D'Agostino & Webb, SPIE 1488, 1991) for a single image, in which a pattern of
    single pixels looks like temporal noise. `length` is that of `drift_field`.
    """

    draws_fields = True
    netd: Annotated[Range, within(0, 10000)] = Field(description="mK")
    span: Annotated[Range, within(0.1, 10000)] = Field(description="K")
    columns: Annotated[Range, within(0, 100)] = NONE
    rows: Annotated[Range, within(0, 100)] = NONE
    drift: Annotated[Range, within(0, 100)] = NONE
    length: Length = Range.parse(64)

    def apply(self, images: Tensor, draws: Draws) -> Tensor:
        """[N, 1, H, W] → the same size."""
        level = draws.per_image(self.netd, images) / 1000 / draws.per_image(self.span, images)
        count, _, height, width = images.shape
        noise = draws.normal(*images.shape)
        noise = noise + draws.per_image(self.columns, images) * draws.normal(count, 1, 1, width)
        noise = noise + draws.per_image(self.rows, images) * draws.normal(count, 1, height, 1)
        if self.drift != NONE:
            field = drift_field(images, draws, float(draws.values(self.length, 1)))
            noise = noise + draws.per_image(self.drift, images) * field
        return images + level * noise


@operation("dead-pixels")
class DeadPixels(Operation):
    """Makes a `share` of the pixels black or white."""

    draws_fields = True
    share: Annotated[Range, within(0, 1)]

    def apply(self, images: Tensor, draws: Draws) -> Tensor:
        """[N, 1, H, W] → the same size."""
        chance, is_white = draws.even(*images.shape), draws.even(*images.shape) < 0.5
        return torch.where(chance < draws.per_image(self.share, images), is_white.float(), images)


def drift_field(images: Tensor, draws: Draws, length: float) -> Tensor:
    """Return a smooth random field [N, 1, H, W] with deviation 1 at each pixel and an amplitude that falls as 1/f.

    It is the sum of three octaves with equal variance, correlated over `length`, `length` / 2 and `length` / 4 pixels.
    In two dimensions its amplitude is about proportional to 1/f.
    """
    octaves: list[Tensor] = []
    for scale in (length, length / 2, length / 4):
        rows, columns = (_bumps(side, scale, images.device) for side in images.shape[-2:])
        octaves.append(rows @ draws.normal(len(images), 1, rows.shape[1], columns.shape[1]) @ columns.mT)
    return torch.stack(octaves).sum(0) / sqrt(len(octaves))


def _bumps(side: int, length: float, device: torch.device) -> Tensor:
    """Return weights [side, K] of K random numbers, `length` apart, at each pixel. The squares of a row sum to 1."""
    places = torch.arange(-2, side // length + 3, device=device) * length
    distance = (torch.arange(side, device=device)[:, None] - places) / length
    weights: Tensor = F.normalize(torch.exp(-distance.square()), dim=1)
    return weights
