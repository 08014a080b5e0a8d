"""The report on a folder of images, as data."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nas.data.folder import LeftOut
from nas.data.normalisation import Normalisation


@dataclass(frozen=True)
class Counts:
    """The levels (0..65535) that occur in the 16-bit images of a part."""

    least: int
    most: int
    low: float
    """The level that `normalisation: auto` maps to 0, if the part is the training set."""
    high: float
    """The level that `normalisation: auto` maps to 1, if the part is the training set."""
    bits: int
    """Bits needed for the levels that occur: 14 for a 14-bit camera, also where the camera shifts its counts."""
    one_image: float
    """Number of levels between the two percentiles within an image; the median of the images."""


@dataclass(frozen=True)
class Quality:
    """The quality of bicubic interpolation: means over `measured` images, PSNR in dB."""

    psnr: float
    ssim: float
    measured: int


@dataclass(frozen=True)
class PartReport:
    """What was found in one part of a data set."""

    count: int
    """Number of readable images."""
    files: int
    """Number of files with readable images; smaller than `count` where files have several frames."""
    sizes: Mapping[tuple[int, int], int]
    """(height, width) in pixels → number of images, the most frequent size first."""
    bit_depths: Mapping[int, int]
    """8 or 16 → number of images."""
    too_small: tuple[str, ...]
    """Names of images that are smaller than a patch."""
    unreadable: tuple[tuple[str, str], ...]
    """(name, reason) of files that can't be used. LR images that don't fit and HR images without LR belong here."""
    coloured: tuple[str, ...]
    """Names of images with colours, which are read as gray."""
    radiometric: int
    """Number of JPEG images that are read as the counts of the sensor."""
    counts: Counts | None
    """The levels of the 16-bit images; None if there are no such images."""
    psnr: float | None
    """Mean PSNR of bicubic interpolation in dB; None if nothing was measured, or if there are two bit depths."""
    ssim: float | None
    """Mean SSIM of bicubic interpolation; None like `psnr`."""
    measured: int
    """Number of images in these means."""
    by_depth: Mapping[int, Quality]
    """8 and 16 → the means for the images of this bit depth; empty if the part has only one bit depth."""
    given: str | None
    """The folder of the LR images; None if LR images are made from the HR images."""


@dataclass(frozen=True)
class Report:
    """What `check_folder` found in a folder."""

    folder: Path
    scale: int
    patch: int
    """Height and width of an LR patch, in pixels."""
    parts: Mapping[str, PartReport]
    """The parts `train` and `validation`, or `all` if the folder can't be divided into the two."""
    duplicates: tuple[tuple[str, str], ...]
    """(training, validation) names of images with the same pixels."""
    normalisation: Normalisation
    """The normalisation that `normalisation: auto` of a recipe becomes. PSNR and SSIM are measured with its peak."""
    left_out: tuple[LeftOut, ...]
    """Files that look like images and are in no part, such as other formats and LR images of another scale."""
    others: int
    """Number of other files: texts, tables and the like."""
    undivided: str | None
    """Why the folder has no training and validation parts; None if it has both."""

    @property
    def bit_depths(self) -> Mapping[int, int]:
        """8 or 16 → number of images of all parts. A mean PSNR over both depths has no meaning."""
        total = Counter[int]()
        for part in self.parts.values():
            total += Counter(part.bit_depths)
        return total

    @property
    def is_clean(self) -> bool:
        """Whether every image can be used, all have the same bit depth, and no image is in both parts.

        Files that are left out on purpose are no fault.
        """
        faulty = any(part.unreadable or part.too_small or not part.count for part in self.parts.values())
        return not (faulty or self.duplicates or len(self.bit_depths) > 1)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data for JSON. Sizes are written as "WIDTHxHEIGHT"."""
        changed = {
            "folder": str(self.folder),
            "parts": {name: _plain(part) for name, part in self.parts.items()},
            "normalisation": self.normalisation.model_dump(mode="json"),
            "left_out": [asdict(entry) for entry in self.left_out],
        }
        return {**vars(self), **changed, "is_clean": self.is_clean}


def _plain(part: PartReport) -> dict[str, Any]:
    return {
        **vars(part),
        "sizes": {f"{width}x{height}": count for (height, width), count in part.sizes.items()},
        "bit_depths": {str(depth): count for depth, count in part.bit_depths.items()},
        "counts": part.counts and asdict(part.counts),
        "by_depth": {str(depth): asdict(quality) for depth, quality in part.by_depth.items()},
    }
