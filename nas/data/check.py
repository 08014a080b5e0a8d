"""What is in a folder of images, and what is wrong with it, without training on it."""

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nas.data.cache import digest_of
from nas.data.degradation import low_resolution, read_low_resolution
from nas.data.images import Pixels, UnreadableImageError, decode_image, peak_of, resize_bicubic, to_tensor
from nas.data.layout import Listing, Source, list_images, list_parts
from nas.errors import InputError
from nas.metrics import SSIM_WINDOW, limited, psnr, ssim

MEASURED = 1000
"""At most so many images of a part, evenly spread, are measured; all are read."""


@dataclass(frozen=True)
class PartReport:
    """One part of a data set; `psnr` (dB) and `ssim` are bicubic means over `measured` images, None without any."""

    count: int
    """Readable images."""
    sizes: Mapping[tuple[int, int], int]
    """(height, width) in pixels → number of images, the most frequent first."""
    bit_depths: Mapping[int, int]
    """8 or 16 → number of images."""
    too_small: tuple[str, ...]
    """Names of images smaller than a patch."""
    unreadable: tuple[tuple[str, str], ...]
    """(name, reason) of files that can't be used, among them LR images that don't fit and HR images without one."""
    coloured: tuple[str, ...]
    psnr: float | None
    ssim: float | None
    measured: int


@dataclass(frozen=True)
class Report:
    """What `check_folder` found; `patch` is the LR side in pixels, `duplicates` are (training, validation) names."""

    folder: Path
    scale: int
    patch: int
    parts: Mapping[str, PartReport]
    """The parts `train` and `validation`; or `all` where the folder cannot be divided into the two."""
    duplicates: tuple[tuple[str, str], ...]

    @property
    def is_clean(self) -> bool:
        """Whether every file can be used as it is and no image is both trained and validated on."""
        return not self.duplicates and not any(part.unreadable or part.too_small for part in self.parts.values())

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; sizes are written as "WIDTHxHEIGHT"."""
        parts = {
            name: {
                **vars(part),
                "sizes": {f"{width}x{height}": count for (height, width), count in part.sizes.items()},
                "bit_depths": {str(depth): count for depth, count in part.bit_depths.items()},
            }
            for name, part in self.parts.items()
        }
        return {**vars(self), "folder": str(self.folder), "parts": parts, "is_clean": self.is_clean}


def check_folder(
    folder: Path,
    *,
    scale: int = 2,
    patch: int = 32,
    degradation: str = "bicubic",
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Reads every image of a data set folder (layouts as for `open_dataset`) and reports, writing nothing.

    Bad files are reported, never raised; `InputError` only for a folder that is missing or holds no image, or for an
    unknown degradation. `progress` is called with (done, total).
    """
    parts = _parts(folder, scale, degradation)
    total = sum(len(listing.sources) for listing in parts.values())
    reports, digests = {}, {}
    done = 0
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for name, listing in parts.items():
            every = -(-len(listing.sources) // MEASURED)
            # At scale 1 bicubic interpolation leaves an image as it is: there is nothing to measure.
            measures = scale > 1 or degradation != "bicubic"
            jobs = [(source, measures and index % every == 0) for index, source in enumerate(listing.sources)]
            findings = []
            for finding in pool.map(partial(_examine, scale=scale, degradation=degradation), jobs):
                findings.append(finding)
                done += 1
                if progress:
                    progress(done, total)
            reports[name] = _summarise(findings, listing, patch * scale)
            digests[name] = {finding.digest: finding.name for finding in findings if not finding.reason}
    train, validation = digests.get("train", {}), digests.get("validation", {})
    duplicates = tuple((train[digest], name) for digest, name in validation.items() if digest in train)
    return Report(folder, scale, patch, reports, duplicates)


@dataclass(frozen=True)
class _Finding:
    name: str
    reason: str = ""
    size: tuple[int, int] = (0, 0)
    depth: int = 0
    digest: str = ""
    is_coloured: bool = False
    quality: tuple[float, float] | None = None


def _parts(folder: Path, scale: int, degradation: str) -> dict[str, Listing]:
    everything = list_images(folder, scale, degradation)
    try:
        train, validation = list_parts(folder, scale, degradation)
    except InputError:
        return {"all": everything}
    return {"train": train, "validation": validation}


def _examine(job: tuple[Source, bool], scale: int, degradation: str) -> _Finding:
    source, is_measured = job
    try:
        hr, is_coloured = decode_image(source.hr)
        is_large = min(hr.shape) // scale * scale - 2 * scale >= SSIM_WINDOW
        lr = None
        if is_large and source.lr:
            lr = read_low_resolution(hr, scale, source.lr)
        elif is_large and is_measured:
            lr = low_resolution(hr, scale, degradation)
    except UnreadableImageError as error:
        return _Finding(source.name, error.reason)
    quality = _bicubic_quality(hr, lr, scale) if is_measured and lr is not None else None
    depth = 16 if hr.dtype == np.uint16 else 8
    return _Finding(source.name, "", (hr.shape[0], hr.shape[1]), depth, digest_of(hr), is_coloured, quality)


def _bicubic_quality(hr: Pixels, lr: Pixels, scale: int) -> tuple[float, float]:
    height, width = lr.shape[0] * scale, lr.shape[1] * scale
    sr, target = resize_bicubic(to_tensor(lr), (height, width)), to_tensor(hr[:height, :width])
    peak = peak_of(hr.dtype)
    return limited(psnr(sr, target, peak=peak, shave=scale)), ssim(sr, target, peak=peak, shave=scale)


def _summarise(findings: Sequence[_Finding], listing: Listing, least: int) -> PartReport:
    good = [finding for finding in findings if not finding.reason]
    measured = [finding.quality for finding in good if finding.quality]
    means = np.mean(measured, axis=0) if measured else None
    return PartReport(
        count=len(good),
        sizes=dict(Counter(finding.size for finding in good).most_common()),
        bit_depths=dict(Counter(finding.depth for finding in good)),
        too_small=tuple(finding.name for finding in good if min(finding.size) < least),
        unreadable=tuple((f.name, f.reason) for f in findings if f.reason) + listing.unpaired,
        coloured=tuple(finding.name for finding in good if finding.is_coloured),
        psnr=None if means is None else float(means[0]),
        ssim=None if means is None else float(means[1]),
        measured=len(measured),
    )
