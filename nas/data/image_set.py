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
    """One image twice: `lr` [1, 1, h, w] and `hr` [1, 1, s h, s w], float32 values whose integers `levels` tells."""

    name: str
    lr: Tensor
    hr: Tensor
    levels: Levels


@dataclass(frozen=True)
class ImageSet:
    """Images of one set, in the order of their names; LR pixel (y, x) covers HR pixels (s y .. s y + s - 1, s x ..).

    Cheap to pickle and to open in many processes: the pixels are memory-mapped.
    """

    hr: Store
    """Whole HR images; the rows and columns beyond a multiple of the scale are never used."""
    lr: Store
    scale: int
    degradation: str
    """The label of what made the LR images; where they were given, what their folder says of that."""
    lr_is_given: bool
    """Whether the LR images are the set's own files; else `degradation` made them."""
    denoiser: str | None = None
    """The digest of the denoiser that the LR images went through, where they did."""
    normalisation: Normalisation = TYPE
    """What makes values of the images' integers, resolved."""
    channel: str = "gray"
    """What of coloured files the images are: gray, or the luma y of the literature."""
    studio: frozenset[int] = frozenset()
    """The images that hold luma of 16..235 and are seen in full range: as the gray that they are luma of."""
    afresh: Pipeline | None = None
    """What training patches are degraded by each time that they are drawn; None: they are cut from the LR images."""

    def __len__(self) -> int:
        return len(self.hr.images)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Each image's path below the set's folder, with "/"."""
        return tuple(image.name for image in self.hr.images)

    @cached_property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Each image's (height, width) in HR pixels, cropped to a multiple of the scale."""
        return tuple((image.height * self.scale, image.width * self.scale) for image in self.lr.images)

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits of SHA-256 over names and pixels (and given LR pixels); the same on every machine."""
        stores = (self.hr, self.lr) if self.lr_is_given else (self.hr,)
        content = [[(image.name, image.digest) for image in store.images] for store in stores]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]

    @cached_property
    def depths(self) -> Counter[int]:
        """8 or 16 bits → number of images."""
        return Counter(image.peak.bit_length() for image in self.hr.images)

    def levels(self, index: int) -> Levels:
        """What the values of image `index` stand for."""
        return self._levels[index]

    @cached_property
    def _levels(self) -> tuple[Levels, ...]:
        found = [self.normalisation.levels(self.lr.pixels(index)) for index in range(len(self))]
        return tuple(one.of_studio_luma() if i in self.studio else one for i, one in enumerate(found))

    @property
    def peak_in_words(self) -> str:
        """What PSNR is measured against; two sets of the same images with the same words are measured alike."""
        if self.normalisation.kind == "image" and self.normalisation.peak is None:
            return "range of each LR image, {:g} to {:g} %".format(*self.normalisation.percentiles)
        if all(levels.peak == levels.limit for levels in self._levels):
            return "integer range"
        return " or ".join(f"{peak:g}" for peak in sorted({levels.peak for levels in self._levels}))

    def normalised(self, normalisation: Normalisation, peak: float | None = None) -> "ImageSet":
        """Return the same images, seen by another normalisation, which these resolve where it isn't yet.

        `peak` is what PSNR is measured against, where it is given. Warns of images that the normalisation doesn't fit.
        Raises `InputError` for a range or a peak that is none of such images.
        """
        bits, histogram = bits_of(self.hr), cache(lambda: histogram_of_store(self.hr))
        if peak is not None:
            normalisation = normalisation.measured_against(peak)
        resolved = normalisation.resolved(bits, histogram)
        if misfit := resolved.misfit(bits, histogram):
            warnings.warn(f"{misfit}; a training with 'normalisation: auto' would use theirs", stacklevel=2)
        return replace(self, normalisation=resolved)

    def pair(self, index: int, crop: int | None = None) -> Pair:
        """Image `index` at both resolutions; `crop` keeps the centre, about `crop` x `crop` HR pixels.

        The crop's side is rounded down to a multiple of the scale (at least one LR pixel) and is the image's own where
        that is smaller.
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
    """Return what is wrong with images of several bit depths, 8 and 16, as the first half of a sentence."""
    counts = " and ".join(
        f"{count} image{'s' if count > 1 else ''} of {bits} bits" for bits, count in sorted(depths.items())
    )
    return f"it has {counts}, whose PSNR is against different ranges"
