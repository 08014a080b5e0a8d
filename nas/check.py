"""What is in a folder of images, and what is wrong with it, without training on it."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from nas.data.cache import digest_of
from nas.data.degradation import low_resolution, read_low_resolution
from nas.data.folder import LeftOut
from nas.data.frames import Counts as Scale
from nas.data.images import Pixels, UnreadableImageError, decode_image, resize_bicubic
from nas.data.layout import Listing, Source, list_images, list_parts
from nas.data.normalisation import AUTO, Histogram, Normalisation, histogram_of, range_in_use
from nas.errors import InputError
from nas.metrics import SSIM_WINDOW, limited, psnr, ssim
from nas.progress import Progress, Ticker

MEASURED = 1000
"""At most so many images of a part, evenly spread, are measured; all are read."""


Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Counts:
    """What of its 65,536 levels the 16-bit images of a part use."""

    least: int
    most: int
    low: float
    """The lower end of the range that `auto` takes for 0, and `high` for 1, if the part is the training set."""
    high: float
    bits: int
    """How many the levels need that occur: those of a camera of 14 bits 14, also where it shifts them."""
    one_image: float
    """How many levels one image uses, between the same percentiles; the median of the images."""


@dataclass(frozen=True)
class Quality:
    """Means of bicubic interpolation, PSNR in dB."""

    psnr: float
    ssim: float
    measured: int


@dataclass(frozen=True)
class PartReport:
    """One part of a data set; `psnr` (dB) and `ssim` are bicubic means over `measured` images, None without any."""

    count: int
    """Readable images."""
    files: int
    """How many files they are; fewer than the images where files have several frames."""
    sizes: Mapping[tuple[int, int], int]
    """(height, width) in pixels → number of images, the most frequent first."""
    bit_depths: Mapping[int, int]
    """8 or 16 → number of images."""
    too_small: tuple[str, ...]
    """Names of images smaller than a patch."""
    unreadable: tuple[tuple[str, str], ...]
    """(name, reason) of files that can't be used, among them LR images that don't fit and HR images without one."""
    coloured: tuple[str, ...]
    radiometric: int
    """How many files are JPEGs of which the sensor's counts are read."""
    counts: Counts | None
    """None without 16-bit images."""
    psnr: float | None
    ssim: float | None
    measured: int
    by_depth: Mapping[int, Quality]
    """The same for 8- and 16-bit images apart, where there are both: `psnr` and `ssim` are None then."""
    given: str | None
    """The folder of the LR images, where they are the set's own files."""


@dataclass(frozen=True)
class Report:
    """What `check_folder` found; `patch` is the LR side in pixels, `duplicates` are (training, validation) names."""

    folder: Path
    scale: int
    patch: int
    parts: Mapping[str, PartReport]
    """The parts `train` and `validation`; or `all` where the folder cannot be divided into the two."""
    duplicates: tuple[tuple[str, str], ...]
    normalisation: Normalisation
    """What `normalisation: auto` of a recipe becomes; `psnr` and `ssim` are against its peak."""
    left_out: tuple[LeftOut, ...]
    """What may be taken for images and is none of the parts, such as other formats and LR images of another scale."""
    others: int
    """How many files are texts, tables and the like."""
    undivided: str | None
    """Why there are no parts to train and to validate on, where there aren't."""

    @property
    def bit_depths(self) -> Mapping[int, int]:
        """8 or 16 → number of images of all parts; PSNR of both together means nothing."""
        return sum((Counter(part.bit_depths) for part in self.parts.values()), Counter[int]())

    @property
    def is_clean(self) -> bool:
        """Whether every image can be used as it is, all have one bit depth, and none is both trained and validated on.

        What is left out on purpose is no fault.
        """
        faulty = any(part.unreadable or part.too_small or not part.count for part in self.parts.values())
        return not (faulty or self.duplicates or len(self.bit_depths) > 1)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; sizes are written as "WIDTHxHEIGHT"."""
        parts = {
            name: {
                **vars(part),
                "sizes": {f"{width}x{height}": count for (height, width), count in part.sizes.items()},
                "bit_depths": {str(depth): count for depth, count in part.bit_depths.items()},
                "counts": part.counts and asdict(part.counts),
                "by_depth": {str(depth): asdict(quality) for depth, quality in part.by_depth.items()},
            }
            for name, part in self.parts.items()
        }
        normalisation = self.normalisation.model_dump(mode="json")
        changed = {
            "folder": str(self.folder),
            "parts": parts,
            "normalisation": normalisation,
            "left_out": [asdict(entry) for entry in self.left_out],
        }
        return {**vars(self), **changed, "is_clean": self.is_clean}


def check_folder(
    folder: Path,
    *,
    scale: int = 2,
    patch: int = 32,
    degradation: str = "bicubic",
    progress: Progress | None = None,
    counts: Scale | None = None,
) -> Report:
    """Reads every image of a data set folder (layouts as for `open_dataset`) and reports, writing nothing.

    Bad files are reported, never raised; `InputError` only for a folder that is missing or holds no image, or for an
    unknown degradation, a scale or patch below 1, LR images without any HR image, and one picture at two sizes as if
    both were HR. `counts` is the scale of other types than 8 and 16 bits, None what `images.yaml` says. `progress` is
    called with (done, total), for reading and for measuring.
    """
    # At scale 1 bicubic interpolation leaves an image as it is: there is nothing to measure.
    check = _Check(scale, degradation, measures=scale > 1 or degradation != "bicubic")
    if patch < 1:
        raise InputError(f"The patch must be 1 LR pixel or more, but got {patch}.")
    parts, undivided = _parts(folder, scale, degradation, counts)
    measured = {name: check.chosen(listing.sources) for name, listing in parts.items()}
    tick = Ticker(progress, sum(len(parts[name].sources) + len(measured[name]) for name in parts))
    found = {name: _Part(check, listing, tick) for name, listing in parts.items()}
    # What a measurement is against depends on all images of the training set.
    normalisation = next(iter(found.values())).normalisation
    reports = {
        name: part.report(patch * scale, check.qualities(measured[name], normalisation, tick))
        for name, part in found.items()
    }
    train, validation = (found[name].digests if name in found else {} for name in ("train", "validation"))
    duplicates = tuple((train[digest], name) for digest, name in validation.items() if digest in train)
    left_out = tuple(entry for listing in parts.values() for entry in listing.left_out)
    others = sum(listing.others for listing in parts.values())
    return Report(folder, scale, patch, reports, duplicates, normalisation, left_out, others, undivided)


def _parts(folder: Path, scale: int, degradation: str, counts: Scale | None) -> tuple[dict[str, Listing], str | None]:
    """Return the parts by their names, and why a folder can't be divided where it can't."""
    everything = list_images(folder, scale, degradation, counts)
    try:
        train, validation = list_parts(folder, scale, degradation, counts)
    except InputError as error:
        return {"all": everything}, str(error)
    return {"train": train, "validation": validation}, None


def _each(function: Callable[[Job], Result], jobs: Sequence[Job], tick: Callable[[], None]) -> Iterator[Result]:
    """Results in order, made by several threads."""
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for result in pool.map(function, jobs):
            tick()
            yield result


@dataclass(frozen=True)
class _Finding:
    name: str
    reason: str = ""
    size: tuple[int, int] = (0, 0)
    depth: int = 0
    digest: str = ""
    is_coloured: bool = False
    is_radiometric: bool = False
    histogram: Histogram | None = None
    """Of a 16-bit image."""


class _Measured(NamedTuple):
    depth: int
    psnr: float
    ssim: float


def _depth(pixels: Pixels) -> int:
    return 16 if pixels.dtype == np.uint16 else 8


@dataclass(frozen=True)
class _Check:
    scale: int
    degradation: str
    measures: bool

    def chosen(self, sources: Sequence[Source]) -> Sequence[Source]:
        """Those that are measured."""
        return sources[:: -(-len(sources) // MEASURED)] if self.measures and sources else ()

    def examine(self, source: Source) -> _Finding:
        try:
            hr, is_coloured, is_radiometric = decode_image(source.hr)
            if source.lr and self._is_large(hr):
                read_low_resolution(hr, self.scale, source.lr)
        except UnreadableImageError as error:
            return _Finding(source.name, error.reason)
        is_deep = _depth(hr) == 16
        return _Finding(
            source.name,
            size=(hr.shape[0], hr.shape[1]),
            depth=_depth(hr),
            digest=digest_of(hr),
            is_coloured=is_coloured,
            is_radiometric=is_radiometric,
            histogram=histogram_of([hr]) if is_deep else None,
        )

    def _is_large(self, hr: Pixels) -> bool:
        return int(min(hr.shape)) // self.scale * self.scale - 2 * self.scale >= SSIM_WINDOW

    def qualities(
        self, sources: Sequence[Source], normalisation: Normalisation, tick: Callable[[], None]
    ) -> list[_Measured]:
        """PSNR and SSIM of bicubic interpolation, for each of the images that can be measured."""

        def quality(source: Source) -> _Measured | None:
            try:
                hr = decode_image(source.hr).pixels
                if not self._is_large(hr):
                    return None
                if source.lr:
                    lr = read_low_resolution(hr, self.scale, source.lr)
                else:
                    lr = low_resolution(hr, self.scale, self.degradation)
            except UnreadableImageError:
                return None
            return _Measured(_depth(hr), *_bicubic_quality(hr, lr, self.scale, normalisation))

        return [found for found in _each(quality, sources, tick) if found]


def _bicubic_quality(hr: Pixels, lr: Pixels, scale: int, normalisation: Normalisation) -> tuple[float, float]:
    height, width = lr.shape[0] * scale, lr.shape[1] * scale
    levels = normalisation.levels(lr)
    sr = levels.integers(resize_bicubic(levels.tensor(lr), (height, width)))
    target = levels.integers(levels.tensor(hr[:height, :width]))
    decibels = psnr(sr, target, peak=levels.peak, shave=scale)
    return limited(decibels), ssim(sr, target, peak=levels.peak, shave=scale)


def _means(measured: Sequence[_Measured]) -> Quality:
    return Quality(
        float(np.mean([m.psnr for m in measured])), float(np.mean([m.ssim for m in measured])), len(measured)
    )


class _Part:
    """What was found in the files of one part."""

    def __init__(self, check: _Check, listing: Listing, tick: Callable[[], None]) -> None:
        self._listing, self._findings, self._spans = listing, list[_Finding](), list[float]()
        self._files = {source.name: source.hr.path for source in listing.sources}
        self._histogram = histogram_of([])
        for finding in _each(check.examine, listing.sources, tick):
            if finding.histogram is not None:
                self._histogram += finding.histogram
                low, high = range_in_use(finding.histogram, AUTO.percentiles)
                self._spans.append(high - low)
            self._findings.append(replace(finding, histogram=None))
        self._good = [finding for finding in self._findings if not finding.reason]

    @property
    def digests(self) -> dict[str, str]:
        return {finding.digest: finding.name for finding in self._good}

    @property
    def normalisation(self) -> Normalisation:
        return AUTO.resolved(16 if self._spans else 8, lambda: self._histogram)

    def report(self, least: int, measured: Sequence[_Measured]) -> PartReport:
        by_depth = {depth: _means([m for m in measured if m.depth == depth]) for depth in {m.depth for m in measured}}
        means = next(iter(by_depth.values())) if len(by_depth) == 1 else None
        return PartReport(
            count=len(self._good),
            files=len({self._files[finding.name] for finding in self._good}),
            sizes=dict(Counter(finding.size for finding in self._good).most_common()),
            bit_depths=dict(Counter(finding.depth for finding in self._good)),
            too_small=tuple(finding.name for finding in self._good if min(finding.size) < least),
            unreadable=tuple((f.name, f.reason) for f in self._findings if f.reason) + self._listing.unpaired,
            coloured=tuple(finding.name for finding in self._good if finding.is_coloured),
            radiometric=sum(finding.is_radiometric for finding in self._good),
            counts=self._counts() if self._spans else None,
            psnr=means.psnr if means else None,
            ssim=means.ssim if means else None,
            measured=len(measured),
            by_depth=dict(sorted(by_depth.items())) if len(by_depth) > 1 else {},
            given=self._listing.given.folder if self._listing.given else None,
        )

    def _counts(self) -> Counts:
        present = np.flatnonzero(self._histogram)
        least, most, used = int(present[0]), int(present[-1]), int(np.bitwise_or.reduce(present))
        low, high = range_in_use(self._histogram, AUTO.percentiles)
        shift = (used & -used).bit_length() - 1 if used else 0
        return Counts(least, most, low, high, max(most >> shift, 1).bit_length(), float(np.median(self._spans)))
