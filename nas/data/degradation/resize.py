"""Operations that change the size of images, to the size of the LR image or to a size on the way."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from torch import Tensor

from nas.data.degradation.amounts import Range, within
from nas.data.degradation.draws import Draws
from nas.data.degradation.operation import Operation, operation
from nas.data.degradation.resampling import Method, gaussian_rows, resample, resize
from nas.fields import Truth

ONE = Range.parse(1)

Factor = Annotated[Range, within(0.01, 16)]


class _Resizing(Operation):
    """Draws a size for the whole batch."""

    factor: Factor | None = Field(None, description="the size, as a multiple of the size that `of` names; default 1")
    shrink: Factor | None = Field(None, description="divisor of the size that `of` names, instead of `factor`")
    of: Literal["lr", "hr", "itself"] = Field("lr", description="the final LR image, the HR image, or the image here")

    @property
    def resizes(self) -> bool:
        """True."""
        return True

    @model_validator(mode="after")
    def _one_factor(self) -> Self:
        if self.factor and self.shrink:
            raise ValueError("give either 'factor' or 'shrink'")
        return self

    def drawn_size(self, images: Tensor, draws: Draws) -> tuple[int, int]:
        """Return the drawn (height, width), each at least 1 pixel."""
        sizes = {"lr": draws.lr_size, "hr": draws.hr_size, "itself": (images.shape[-2], images.shape[-1])}
        factor = float(draws.values(self.shrink or self.factor or ONE, 1))
        factor = 1 / factor if self.shrink else factor
        height, width = (max(round(side * factor), 1) for side in sizes[self.of])
        return height, width


@operation("resize")
class Resize(_Resizing):
    """Resizes by one of `methods`, all equally likely. Without fields it is bicubic, to the size of the LR image."""

    methods: tuple[Method, ...] = Field(("bicubic",), min_length=1)
    antialias: Truth = Field(True, description="whether kernels widen when the image shrinks; `area` always does")

    @property
    def is_random(self) -> bool:
        """Whether it is random, also by a choice of methods."""
        return super().is_random or len(self.methods) > 1

    def apply(self, images: Tensor, draws: Draws) -> Tensor:
        """[N, 1, H, W] → the drawn size."""
        size = self.drawn_size(images, draws)
        method = self.methods[draws.integer(len(self.methods))] if len(self.methods) > 1 else self.methods[0]
        return resize(images, size, method, self.antialias)


@operation("sample")
class Sample(_Resizing):
    """Blurs with a Gaussian of `sigma` pixels and keeps only some pixels.

    Each pixel is taken at its true position, so nothing is shifted. Keeping every s-th pixel would shift the image by
    (s - 1) / 2 pixels.
    """

    sigma: Annotated[Range, within(0, 100)]

    def apply(self, images: Tensor, draws: Draws) -> Tensor:
        """[N, 1, H, W] → the drawn size."""
        sigmas = draws.on_device(draws.values(self.sigma, len(images)))
        sizes = zip(images.shape[-2:], self.drawn_size(images, draws), strict=True)
        return resample(images, *(gaussian_rows(old, new, sigmas) for old, new in sizes))


@operation("halve")
class Halve(Operation):
    """Reduces the image to half its size if the scale is one of `scales`. Operations after it see half the scale."""

    scales: tuple[Annotated[int, Field(ge=2, strict=True)], ...] = (4,)
    methods: tuple[Method, ...] = Field(("bicubic",), min_length=1)

    @property
    def resizes(self) -> bool:
        """True."""
        return True

    @property
    def is_random(self) -> bool:
        """Whether it is random, also by a choice of methods."""
        return super().is_random or len(self.methods) > 1

    def apply(self, images: Tensor, draws: Draws) -> Tensor:
        """[N, 1, H, W] → half the size, rounded up, at one of the scales."""
        if draws.scale not in self.scales:
            return images
        draws.scale /= 2
        method = self.methods[draws.integer(len(self.methods))]
        return resize(images, (-(-images.shape[-2] // 2), -(-images.shape[-1] // 2)), method)
