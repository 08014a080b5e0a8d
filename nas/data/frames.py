"""The frames of image files. Each page of a file is an image with its own name."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from nas.data.files.meaning import NO_MEANING, Counts, Meaning, RawShape, meaning_for
from nas.data.files.metadata import NOTHING, Metadata, metadata_of
from nas.data.files.reading import places
from nas.data.files.tiff import Place

__all__ = [
    "NO_MEANING",
    "Counts",
    "Frame",
    "Meaning",
    "RawShape",
    "frame_metadata",
    "frames_in",
    "meaning_for",
    "warn_unless_needed",
]


@dataclass(frozen=True)
class Frame:
    """An image of a file: number `index` (from 0) of `count`."""

    path: Path
    index: int = 0
    count: int = 1
    place: Place | None = field(default=None, repr=False, compare=False)
    """Where the frame lies in the file; None: looked up when it is read."""
    meaning: Meaning = field(default=NO_MEANING, repr=False, compare=False)
    """What `images.yaml` or the user says about the file's values."""

    @property
    def scale(self) -> Counts | None:
        """The scale by which the values become counts; None if they are counts already."""
        return self.meaning.counts if self.place is not None and self.place.is_scaled else None

    @property
    def label(self) -> str:
        """The name of the file, and for several frames the number of the frame from 1: `seq.tif#3`."""
        return self.path.name if self.count == 1 else f"{self.path.name}#{self.index + 1}"


def warn_unless_needed(counts: Counts | None, frames: Iterable[Frame]) -> None:
    """Warn if a scale is given and no frame needs it."""
    if counts is not None and all(frame.scale is None for frame in frames):
        warnings.warn(f"the scale of counts ({counts}) changes nothing: all images are of 8 or 16 bits", stacklevel=3)


def frames_in(path: Path, meaning: Meaning = NO_MEANING) -> tuple[Frame, ...]:
    """Return the frames of an image file. Only its header is read.

    Frames are the pages of a TIFF without thumbnails and masks, and the images of an array [N, H, W], of a stack in a
    page, or of a headerless file. PNG, JPEG and BMP files have a single frame, and are checked when they are read.

    Raises UnreadableImageError for a file that can't be read, or that needs a scale or a shape which `meaning` lacks.
    """
    found = places(path, meaning)
    return tuple(Frame(path, index, len(found), place, meaning) for index, place in enumerate(found))


def frame_metadata(frame: Frame, scale: int) -> Metadata:
    """Return the metadata of a frame that an image upscaled by `scale` keeps. Warns if it can't be read."""
    if frame.path.suffix.lower() in (".npy", ".raw"):
        return NOTHING
    return metadata_of(frame.path, frame.place, scale)
