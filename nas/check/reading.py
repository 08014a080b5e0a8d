"""Reading every image of a part, in several threads."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from nas.check.report import Counts
from nas.data.degradation import read_low_resolution
from nas.data.images import Pixels, UnreadableImageError, decode_image
from nas.data.listing import Listing, Source
from nas.data.normalisation import AUTO, Histogram, Normalisation, histogram_of, range_in_use
from nas.data.store import digest_of
from nas.metrics import SSIM_WINDOW

Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Finding:
    """What was found in one image."""

    name: str
    reason: str = ""
    """Why the image can't be used; empty if it can."""
    size: tuple[int, int] = (0, 0)
    """(height, width) in pixels."""
    depth: int = 0
    """8 or 16."""
    digest: str = ""
    """The digest of the pixels."""
    is_coloured: bool = False
    is_radiometric: bool = False
    histogram: Histogram | None = None
    """The histogram of a 16-bit image."""


class PartReader:
    """Reads all images of a part and keeps what was found, without the pixels."""

    def __init__(self, listing: Listing, scale: int, tick: Callable[[], None]) -> None:
        self.findings: list[Finding] = []
        self._histogram = histogram_of([])
        self._spans: list[float] = []
        for finding in in_threads(lambda source: examine(source, scale), listing.sources, tick):
            if finding.histogram is not None:
                self._histogram += finding.histogram
                low, high = range_in_use(finding.histogram, AUTO.percentiles)
                self._spans.append(high - low)
            # A histogram takes 512 KiB, too much to keep for each image.
            self.findings.append(replace(finding, histogram=None))
        self.usable = [finding for finding in self.findings if not finding.reason]

    @property
    def digests(self) -> dict[str, str]:
        """The digest of the pixels → the name of the image."""
        return {finding.digest: finding.name for finding in self.usable}

    @property
    def normalisation(self) -> Normalisation:
        """The normalisation that `auto` becomes for these images."""
        return AUTO.resolved(16 if self._spans else 8, lambda: self._histogram)

    @property
    def counts(self) -> Counts | None:
        """The levels of the 16-bit images; None if there are none."""
        if not self._spans:
            return None
        present = np.flatnonzero(self._histogram)
        least, most = int(present[0]), int(present[-1])
        low, high = range_in_use(self._histogram, AUTO.percentiles)
        # A camera that shifts its counts leaves the lowest bits 0 in every level.
        used = int(np.bitwise_or.reduce(present))
        shift = (used & -used).bit_length() - 1 if used else 0
        bits = max(most >> shift, 1).bit_length()
        return Counts(least, most, low, high, bits, float(np.median(self._spans)))


def examine(source: Source, scale: int) -> Finding:
    """Read an image, and its LR image if one is given. A fault is returned in the finding, not raised."""
    try:
        hr, is_coloured, is_radiometric = decode_image(source.hr)
        if source.lr and is_measurable(hr, scale):
            read_low_resolution(hr, scale, source.lr)
    except UnreadableImageError as error:
        return Finding(source.name, error.reason)
    return Finding(
        source.name,
        size=(hr.shape[0], hr.shape[1]),
        depth=depth_of(hr),
        digest=digest_of(hr),
        is_coloured=is_coloured,
        is_radiometric=is_radiometric,
        histogram=histogram_of([hr]) if depth_of(hr) == 16 else None,
    )


def is_measurable(hr: Pixels, scale: int) -> bool:
    """Tell whether an HR image without its border is large enough for SSIM."""
    return int(min(hr.shape)) // scale * scale - 2 * scale >= SSIM_WINDOW


def depth_of(pixels: Pixels) -> int:
    """Return the bit depth of an image, 8 or 16."""
    return 16 if pixels.dtype == np.uint16 else 8


def in_threads(function: Callable[[Job], Result], jobs: Sequence[Job], tick: Callable[[], None]) -> Iterator[Result]:
    """Yield the results in the order of the jobs, computed by several threads; call `tick` after each."""
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:
        for result in threads.map(function, jobs):
            tick()
            yield result
