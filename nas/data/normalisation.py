"""Normalisation: the integers of a file that a network sees as 0 and 1.

A thermal camera of 14 bits writes 16-bit files, and a scene uses about 2,000 of the 65,536 levels. Normalised by the
range of the type, such an image has 3 % contrast, which a network learns badly. Therefore a set with 16-bit images is
normalised by the range that its training images use. Nothing is clipped: levels outside the range are below 0 or above
1, and every integer is restored exactly (`nas.data.levels`).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from nas.data.images import Pixels, peak_of
from nas.data.levels import Levels
from nas.data.store import Store
from nas.errors import InputError
from nas.fields import message_of

Histogram = np.ndarray[Any, np.dtype[np.int64]]
"""Number of pixels with each level, [65536]."""

SAMPLED = 1000
"""Maximum number of images from which a range is computed, spread evenly over the set."""

LEAST_USE = 0.25
"""Images don't fit a normalisation if they use a smaller share of its range."""

FURTHEST = 0.5
"""Images don't fit a normalisation if they lie further outside its range, as a share of the range."""

_LEVELS = 65536
_ONE_OF_EACH_DEPTH: list[Pixels] = [np.zeros((1, 1), np.uint8), np.zeros((1, 1), np.uint16)]
_Level = Annotated[float, Field(ge=0, le=65535)]
_Peak = Annotated[float, Field(gt=0, le=65535)]
_Percent = Annotated[float, Field(ge=0, le=100)]


class Normalisation(BaseModel):
    """How integers become values. A recipe names a kind, and the data set adds the numbers (`resolved`).

    The kind says which integers become 0 and 1:

    - `type`: 0 and the largest integer of the type.
    - `fixed`: `low` and `high`.
    - `percentile`: two percentiles of the training images.
    - `image`: two percentiles of each LR image, because a camera has no other image.
    - `auto`: `percentile` if an image of the set has 16 bits, else `type`.

    In YAML the name of the kind is enough.

    The default percentiles ignore a thousandth of the pixels at each end: dead pixels, and pixels hotter than all
    others. The range has no margin, because nothing is clipped and a margin costs contrast (measured in
    docs/sixteen_bit.md).

    A range is for images of one bit depth, the deepest of the set. Images of the other depth keep the range of their
    type, because the counts of a sensor say nothing about the grey levels of a display.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["auto", "type", "fixed", "percentile", "image"] = "auto"
    low: _Level | None = None
    """The integer that becomes 0: given for `fixed`, computed for `percentile`."""
    high: _Level | None = None
    """The integer that becomes 1."""
    percentiles: tuple[_Percent, _Percent] = (0.1, 99.9)
    bits: Literal[8, 16] | None = None
    """The bit depth of the images for which `low` and `high` hold."""
    peak: _Peak | None = None
    """The peak of PSNR, instead of `high` - `low`; limited to the largest integer of an image's type."""

    @model_validator(mode="before")
    @classmethod
    def _from_kind(cls, data: object) -> object:
        return {"kind": data} if isinstance(data, str) else data

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = self.low is not None and self.high is not None
        if given != (self.low is not None or self.high is not None):
            raise ValueError("low and high are given together")
        if given and self.kind not in ("fixed", "percentile"):
            raise ValueError(f"'{self.kind}' takes no low and high; 'fixed' does")
        if self.kind == "fixed" and not given:
            raise ValueError("'fixed' needs low and high")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(f"low must be below high, but {self.low:g} is not below {self.high:g}")
        if not self.percentiles[0] < self.percentiles[1]:
            raise ValueError(f"the first percentile must be below the second, not {self.percentiles}")
        return self

    @model_serializer(mode="wrap")
    def _without_blanks(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        unused = {"percentiles"} if self.kind in ("type", "fixed") else set()
        return {name: value for name, value in write(self).items() if value is not None and name not in unused}

    @classmethod
    def stored(cls, recipe: Mapping[str, Any]) -> "Normalisation":
        """Return the normalisation of a model's training from its recipe. For imported weights it is `type`.

        Raises InputError for a normalisation that is wrong or has no numbers.
        """
        try:
            stored = cls.model_validate(recipe.get("normalisation", "auto"))
        except ValidationError as error:
            raise InputError(f"The model's normalisation is wrong: {message_of(error)}.") from None
        if stored.kind == "auto":
            return stored.model_copy(update={"kind": "type"})
        if not stored.is_resolved:
            raise InputError(f"The model's normalisation '{stored.kind}' has no low, high and bits.")
        return stored

    @property
    def is_resolved(self) -> bool:
        """Whether it gives the levels of an image without other images."""
        return self.kind in ("type", "image") or (self.low is not None and self.bits is not None)

    def resolved(self, bits: int, histogram: Callable[[], Histogram]) -> "Normalisation":
        """Return it with numbers, for a training set whose deepest images have `bits` bits and this histogram.

        Raises InputError for a peak or a fixed range beyond the levels of such images.
        """
        high = self.high if self.high is not None and self.bits is None else 0
        for name, level in (("peak", self.peak or 0), ("normalised level", high)):
            if level > 2**bits - 1:
                raise InputError(f"The {name} {level:g} is beyond the levels of {bits}-bit images.")
        kind = ("percentile" if bits == 16 else "type") if self.kind == "auto" else self.kind
        update: dict[str, Any] = {"kind": kind}
        if kind == "percentile" and self.low is None:
            low, high = range_in_use(histogram(), self.percentiles)
            update |= {"low": low, "high": high}
        if kind in ("fixed", "percentile"):
            update["bits"] = self.bits or bits
        return self.model_copy(update=update)

    def measured_against(self, peak: float) -> "Normalisation":
        """Return it with another peak of PSNR. Raises InputError for a peak outside 0..65535."""
        if not 0 < peak <= 65535:  # also refuses NaN
            raise InputError(f"The peak of PSNR must be above 0 and at most 65535, not {peak:g}.")
        return self.model_copy(update={"peak": peak})

    def unresolved(self) -> "Normalisation":
        """Return it without the numbers that were computed from images."""
        return self.model_copy(update={"low": None, "high": None, "bits": None} if self.kind == "percentile" else {})

    def sees_as(self, other: "Normalisation") -> bool:
        """Tell whether two resolved normalisations give every image the same values. The peak doesn't matter."""
        if "image" in (self.kind, other.kind):
            return (self.kind, self.percentiles) == (other.kind, other.percentiles)
        for pixels in _ONE_OF_EACH_DEPTH:
            mine, theirs = self.levels(pixels), other.levels(pixels)
            if (mine.low, mine.high) != (theirs.low, theirs.high):
                return False
        return True

    def levels(self, lr: Pixels) -> Levels:
        """Return the levels of an image, given as LR pixels, and of its HR and SR. `self` must be resolved."""
        low, high, limit = 0.0, float(peak_of(lr.dtype)), peak_of(lr.dtype)
        if self.kind == "image":
            low, high = range_in_use(histogram_of([lr]), self.percentiles)
        elif self.low is not None and self.high is not None and self.bits == limit.bit_length():
            low, high = self.low, self.high
        return Levels(low, high, limit, high - low if self.peak is None else min(self.peak, limit))

    def misfit(self, bits: int, histogram: Callable[[], Histogram]) -> str | None:
        """Return why images with this depth and histogram don't fit the resolved normalisation; None if they fit."""
        if self.kind == "image" or (bits == 8 and self.bits != 8):
            return None
        levels = self.levels(np.zeros((1, 1), np.uint16 if bits == 16 else np.uint8))
        first, last = range_in_use(histogram(), self.percentiles)
        share = (last - first) / (levels.high - levels.low)
        used = f"the images use the levels {first:g} to {last:g}"
        if share < LEAST_USE:
            return f"{used}, {100 * share:.1f} % of the range {levels.low:g} to {levels.high:g} that is normalised"
        beyond = max(levels.low - first, last - levels.high) / (levels.high - levels.low)
        return f"{used}, far beyond the normalised {levels.low:g} to {levels.high:g}" if beyond > FURTHEST else None


AUTO = Normalisation()
TYPE = Normalisation(kind="type")


def bits_of(store: Store) -> int:
    """Return the bit depth of the deepest images of a store, 8 or 16."""
    return max(image.peak for image in store.images).bit_length()


def histogram_of(images: Iterable[Pixels]) -> Histogram:
    """Return the histogram of images of one bit depth."""
    total = np.zeros(_LEVELS, np.int64)
    for pixels in images:
        total += np.bincount(pixels.ravel(), minlength=_LEVELS)
    return total


def histogram_of_store(store: Store) -> Histogram:
    """Return the histogram of the deepest images of a store, at most `SAMPLED` of them."""
    limit = 2 ** bits_of(store) - 1
    deepest = [index for index, image in enumerate(store.images) if image.peak == limit]
    return histogram_of(store.pixels(index) for index in deepest[:: -(-len(deepest) // SAMPLED)])


def range_in_use(histogram: Histogram, percentiles: tuple[float, float]) -> tuple[float, float]:
    """Return the levels at two percentiles, at least 1 apart.

    The p-th percentile is the smallest level that at least p % of the pixels don't exceed: numpy's `inverted_cdf`.
    """
    below = np.cumsum(histogram)
    ranks = np.maximum(np.ceil(np.round(np.array(percentiles) / 100 * below[-1], 6)), 1)
    low, high = (float(level) for level in np.searchsorted(below, ranks))
    if high == low:
        low, high = (low, low + 1) if low + 1 < _LEVELS else (low - 1, low)
    return low, high
