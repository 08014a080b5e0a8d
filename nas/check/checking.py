"""The check of a folder: every image is read, some are measured, and nothing is written."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from nas.check.measuring import BicubicMeter, Measured, means_by_depth
from nas.check.reading import PartReader
from nas.check.report import PartReport, Report
from nas.data.frames import Counts, warn_unless_needed
from nas.data.layout import list_images, list_parts
from nas.data.listing import Listing
from nas.errors import InputError
from nas.progress import Progress, Ticker


def check_folder(
    folder: Path,
    *,
    scale: int = 2,
    patch: int = 32,
    degradation: str = "bicubic",
    progress: Progress | None = None,
    counts: Counts | None = None,
) -> Report:
    """Read every image of a folder and return a report on them.

    Bad files are reported, never raised.

    Args:
        folder: A data set in a layout that `open_dataset` reads.
        scale: The scale of the LR images.
        patch: Height and width of an LR patch, in pixels. Smaller images are reported.
        degradation: The degradation that makes LR images where the folder has none.
        progress: Called with (done, total) while images are read and measured.
        counts: The scale of values that aren't of 8 or 16 bits; None: what `images.yaml` says.

    Raises:
        InputError: The folder is missing, holds no image, or holds LR images without HR images; one picture is there
            at two sizes as if both were HR; the degradation is unknown; the scale or the patch is below 1.
    """
    if patch < 1:
        raise InputError(f"The patch must be 1 LR pixel or more, but got {patch}.")
    meter = BicubicMeter(scale, degradation)
    parts, undivided = _parts(folder, scale, degradation, counts)
    warn_unless_needed(counts, (source.hr for listing in parts.values() for source in listing.sources))
    chosen = {name: meter.chosen(listing.sources) for name, listing in parts.items()}
    tick = Ticker(progress, sum(len(parts[name].sources) + len(chosen[name]) for name in parts))
    read = {name: PartReader(listing, scale, tick) for name, listing in parts.items()}
    # The peak of PSNR depends on all images of the training set, which is the first part.
    normalisation = next(iter(read.values())).normalisation
    reports = {}
    for name, listing in parts.items():
        measured = meter.measure(chosen[name], normalisation, tick)
        reports[name] = _part_report(listing, read[name], patch * scale, measured)
    return Report(
        folder,
        scale,
        patch,
        reports,
        _duplicates(read),
        normalisation,
        left_out=tuple(entry for listing in parts.values() for entry in listing.left_out),
        others=sum(listing.others for listing in parts.values()),
        undivided=undivided,
    )


def _parts(folder: Path, scale: int, degradation: str, counts: Counts | None) -> tuple[dict[str, Listing], str | None]:
    """Return the parts by name, and why the folder can't be divided into training and validation, or None."""
    everything = list_images(folder, scale, degradation, counts)
    try:
        train, validation = list_parts(folder, scale, degradation, counts)
    except InputError as error:
        return {"all": everything}, str(error)
    return {"train": train, "validation": validation}, None


def _part_report(listing: Listing, read: PartReader, smallest_side: int, measured: Sequence[Measured]) -> PartReport:
    paths = {source.name: source.hr.path for source in listing.sources}
    by_depth = means_by_depth(measured)
    means = next(iter(by_depth.values())) if len(by_depth) == 1 else None
    usable = read.usable
    return PartReport(
        count=len(usable),
        files=len({paths[finding.name] for finding in usable}),
        sizes=dict(Counter(finding.size for finding in usable).most_common()),
        bit_depths=dict(Counter(finding.depth for finding in usable)),
        too_small=tuple(finding.name for finding in usable if min(finding.size) < smallest_side),
        unreadable=tuple((f.name, f.reason) for f in read.findings if f.reason) + listing.unpaired,
        coloured=tuple(finding.name for finding in usable if finding.is_coloured),
        radiometric=sum(finding.is_radiometric for finding in usable),
        counts=read.counts,
        psnr=means.psnr if means else None,
        ssim=means.ssim if means else None,
        measured=len(measured),
        by_depth=by_depth if len(by_depth) > 1 else {},
        given=listing.given.folder if listing.given else None,
    )


def _duplicates(read: dict[str, PartReader]) -> tuple[tuple[str, str], ...]:
    """Return (training, validation) names of images with the same pixels."""
    if "train" not in read:
        return ()
    training = read["train"].digests
    return tuple((training[digest], name) for digest, name in read["validation"].digests.items() if digest in training)
