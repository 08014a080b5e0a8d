"""Operations that blur: Gaussian and its relatives, out of focus, motion, and a filter that rings."""

from abc import abstractmethod
from math import ceil, pi
from typing import Annotated, Literal, Self

import torch
from pydantic import AfterValidator, Field, model_validator
from torch import Tensor

from nas.data.degradation import kernels
from nas.data.degradation.amounts import Range, within
from nas.data.degradation.draws import Draws
from nas.data.degradation.operation import Operation, operation
from nas.data.degradation.resampling import gaussian_rows, resample
from nas.fields import Truth


def _odd(size: Range) -> Range:
    if any(limit.per_scale or limit.constant % 2 != 1 for limit in (size.low, size.high)):
        raise ValueError(f"{size.plain()} must be odd, so that the kernel has a middle pixel")
    return size


Size = Annotated[Range, within(1, 401), AfterValidator(_odd)]
"""The side of a kernel in pixels, drawn from odd numbers."""


class _Blur(Operation):
    """Convolves each image with a kernel of its own."""

    def apply(self, images: Tensor, draws: Draws) -> Tensor:
        """[N, 1, H, W] → the same size. The pixels at the border are repeated outside."""
        return kernels.convolve(images, self.kernels(len(images), draws))

    @abstractmethod
    def kernels(self, count: int, draws: Draws) -> Tensor:
        """Return a kernel for each image: [count, side, side], with an odd side and the sum 1."""


@operation("blur")
class Blur(_Blur):
    """Gaussian blur with a deviation `sigma` in pixels, or with a `variance` in square pixels.

    If not `isotropic`, two deviations are drawn, along and across a random direction. `shape` β is used by the profiles
    `generalised`, exp(-½ q^β), and `plateau`, 1 / (1 + q^β), where q is the squared distance in deviations. `size` cuts
    the kernel to an odd side that is drawn. Without `size` the kernel reaches over four deviations.
    """

    sigma: Annotated[Range, within(0, 100)] | None = None
    variance: Annotated[Range, within(0, 10000)] | None = None
    isotropic: Truth = True
    profile: Literal["gaussian", "generalised", "plateau"] = "gaussian"
    shape: Annotated[Range, within(0.1, 10)] = Range.parse(1)
    size: Size | None = None

    @model_validator(mode="after")
    def _one_width(self) -> Self:
        if (self.sigma is None) == (self.variance is None):
            raise ValueError("give either 'sigma' or 'variance'")
        return self

    def apply(self, images: Tensor, draws: Draws) -> Tensor:
        """[N, 1, H, W] → the same size. Separable kernels are applied along rows, then along columns."""
        if not self.isotropic or self.profile != "gaussian":
            return super().apply(images, draws)
        sigmas = draws.on_device(self._sigmas(draws, len(images)))
        reaches = draws.on_device(_sides(self.size, draws, len(images))) / 2 if self.size else None
        height, width = images.shape[-2:]
        return resample(
            images, gaussian_rows(height, height, sigmas, reaches), gaussian_rows(width, width, sigmas, reaches)
        )

    def kernels(self, count: int, draws: Draws) -> Tensor:
        """Return kernels with drawn widths, directions and shapes."""
        along = self._sigmas(draws, count)
        sigmas = torch.stack([along, along if self.isotropic else self._sigmas(draws, count)], 1)
        side = _widest(self.size, draws) if self.size else 2 * ceil(4 * float(sigmas.max())) + 1
        sigmas, angles = draws.on_device(sigmas), draws.on_device(pi * draws.uniform(count))
        shapes = draws.on_device(draws.values(self.shape, count))
        if self.profile == "plateau":
            made = kernels.plateau(sigmas, angles, side, shapes)
        else:
            made = kernels.gaussian(sigmas, angles, side, shapes if self.profile == "generalised" else None)
        return kernels.cut(made, draws.on_device(_sides(self.size, draws, count))) if self.size else made

    def _sigmas(self, draws: Draws, count: int) -> Tensor:
        if self.sigma is not None:
            return draws.values(self.sigma, count)
        assert self.variance is not None
        return draws.values(self.variance, count).sqrt()


@operation("defocus")
class Defocus(_Blur):
    """Blur of a lens that is out of focus: a uniform disk with this `radius` in pixels."""

    radius: Annotated[Range, within(0, 100)]

    def kernels(self, count: int, draws: Draws) -> Tensor:
        """Return disks with drawn radii."""
        radii = draws.values(self.radius, count)
        return kernels.disk(draws.on_device(radii), 2 * ceil(float(radii.max()) + 0.5) + 1)


@operation("motion")
class Motion(_Blur):
    """Blur of a straight, uniform motion over this `length` in pixels, in a random direction."""

    draws_fields = True
    length: Annotated[Range, within(0, 200)]

    def kernels(self, count: int, draws: Draws) -> Tensor:
        """Return lines with drawn lengths and directions."""
        lengths, angles = draws.values(self.length, count), pi * draws.uniform(count)
        side = 2 * ceil(float(lengths.max()) / 2 + 0.5) + 1
        return kernels.line(draws.on_device(lengths), draws.on_device(angles), side)


@operation("sinc")
class Sinc(_Blur):
    """A sharp low-pass filter, with ringing as in oversharpened and strongly compressed images.

    `cutoff` is a share of the Nyquist frequency, `size` the odd side of the kernel.
    """

    cutoff: Annotated[Range, within(0.01, 1)]
    size: Size = Field(Range.parse(21))

    def kernels(self, count: int, draws: Draws) -> Tensor:
        """Return filters with drawn cutoffs, cut to drawn sizes."""
        cutoffs, sides = draws.values(self.cutoff, count), _sides(self.size, draws, count)
        made = kernels.sinc(draws.on_device(cutoffs), _widest(self.size, draws))
        return kernels.cut(made, draws.on_device(sides))


def _sides(size: Range, draws: Draws, count: int) -> Tensor:
    return draws.whole_values(size, count, step=2)


def _widest(size: Range, draws: Draws) -> int:
    return round(size.at(draws.scale)[1])
