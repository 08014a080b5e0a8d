"""A set of aligned low- and high-resolution images, held decoded in memory-mapped files."""

import hashlib
import json
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property

from torch import Tensor

from nas.data.degradation import Pipeline
from nas.data.levels import Levels
from nas.data.normalisation import TYPE, Normalisation, bits_of, histogram_of_store
from nas.data.store import Store


@dataclass(frozen=True)
class Pair:
    """An image at both resolutions: `lr` [1, 1, h, w] and `hr` [1, 1, s h, s w], float32 values by `levels`."""

    name: str
    lr: Tensor
    hr: Tensor
    levels: Levels


@dataclass(frozen=True)
class ImageSet:
    """Images of a set, ordered by name. LR pixel (y, x) covers HR pixels (s y .. s y + s - 1, s x .. s x + s - 1).

    A set is cheap to pickle and to open in many processes, because the pixels are memory-mapped.
    """

    hr: Store
    """Whole HR images. Rows and columns beyond a multiple of the scale are never used."""
    lr: Store
    scale: int
    degradation: str
    """The label of the degradation that made the LR images. For given LR images: what their folder says."""
    lr_is_given: bool
    """Whether the LR images are files of the set. Otherwise `degradation` made them."""
    denoiser: str | None = None
    """The digest of the denoiser that the LR images passed; None without a denoiser."""
    normalisation: Normalisation = TYPE
    """How integers become values; resolved."""
    channel: str = "gray"
    """How coloured files are read: gray, or the luma y of the literature."""
    studio: frozenset[int] = frozenset()
    """Indices of images that hold luma of 16..235, which a network sees as gray in full range."""
    afresh: Pipeline | None = None
    """The degradation of training patches at each draw; None: patches are cut from the LR images."""

    def __len__(self) -> int:
        return len(self.hr.images)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The path of each image below the folder of the set, with "/"."""
        return tuple(image.name for image in self.hr.images)

    @cached_property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """(height, width) of each image in HR pixels, cropped to a multiple of the scale."""
        return tuple((image.height * self.scale, image.width * self.scale) for image in self.lr.images)

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits of SHA-256 over names, HR pixels and given LR pixels; the same on every machine."""
        stores = (self.hr, self.lr) if self.lr_is_given else (self.hr,)
        content = [[(image.name, image.digest) for image in store.images] for store in stores]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]

    @cached_property
    def depths(self) -> Counter[int]:
        """8 or 16 bits → number of images."""
        return Counter(image.peak.bit_length() for image in self.hr.images)

    def levels(self, index: int) -> Levels:
        """Return the levels of image `index`."""
        return self._levels[index]

    @cached_property
    def _levels(self) -> tuple[Levels, ...]:
        found = []
        for index in range(len(self)):
            levels = self.normalisation.levels(self.lr.pixels(index))
            found.append(levels.of_studio_luma() if index in self.studio else levels)
        return tuple(found)

    @property
    def peak_in_words(self) -> str:
        """The peak of PSNR in words. Sets of the same images with equal words are measured with the same peaks."""
        if self.normalisation.kind == "image" and self.normalisation.peak is None:
            return "range of each LR image, {:g} to {:g} %".format(*self.normalisation.percentiles)
        if all(levels.peak == levels.limit for levels in self._levels):
            return "integer range"
        return " or ".join(f"{peak:g}" for peak in sorted({levels.peak for levels in self._levels}))

    def normalised(self, normalisation: Normalisation, peak: float | None = None) -> "ImageSet":
        """Return the same images with another normalisation, which is resolved by these images if necessary.

        `peak` replaces the peak of PSNR. Warns if the images don't fit the normalisation. Raises InputError for a range
        or a peak beyond the levels of the images.
        """
        bits, histogram = bits_of(self.hr), cache(lambda: histogram_of_store(self.hr))
        if peak is not None:
            normalisation = normalisation.measured_against(peak)
        resolved = normalisation.resolved(bits, histogram)
        misfit = resolved.misfit(bits, histogram)
        if misfit:
            warnings.warn(f"{misfit}; a training with 'normalisation: auto' would use that range", stacklevel=2)
        return replace(self, normalisation=resolved)

    def first(self, count: int) -> "ImageSet":
        """Return the first `count` images, with the same normalisation."""
        hr, lr = (replace(store, images=store.images[:count]) for store in (self.hr, self.lr))
        return replace(self, hr=hr, lr=lr)

    def pair(self, index: int, crop: int | None = None) -> Pair:
        """Return image `index` at both resolutions, or its centre of about `crop` x `crop` HR pixels.

        The side of the crop is rounded down to a multiple of the scale (at least 1 LR pixel), and limited to the image.
        """
        low, high, s = self.lr.pixels(index), self.hr.pixels(index), self.scale
        height, width = low.shape
        if crop is not None:
            side = max(crop // s, 1)
            height, width = min(height, side), min(width, side)
        top, left = (low.shape[0] - height) // 2, (low.shape[1] - width) // 2
        levels = self.levels(index)
        return Pair(
            name=self.names[index],
            lr=levels.tensor(low[top : top + height, left : left + width]),
            hr=levels.tensor(high[top * s : (top + height) * s, left * s : (left + width) * s]),
            levels=levels,
        )


def mixed_in_words(depths: Mapping[int, int]) -> str:
    """Return a clause on images of several bit depths; `depths` is bit depth → number of images."""
    counts = " and ".join(
        f"{count} image{'s' if count > 1 else ''} of {bits} bits" for bits, count in sorted(depths.items())
    )
    return f"it has {counts}, whose PSNR has different peaks"
