"""The frames of image files: a file is as many images as it has pages, and each is named."""

from dataclasses import dataclass, field
from pathlib import Path

from nas.data.files.meaning import NO_MEANING, Counts, Meaning, RawShape, meaning_for
from nas.data.files.reading import places
from nas.data.files.tiff import Place

__all__ = ["NO_MEANING", "Counts", "Frame", "Meaning", "RawShape", "frames_in", "meaning_for"]


@dataclass(frozen=True)
class Frame:
    """One image of a file: number `index`, from 0, of `count`."""

    path: Path
    index: int = 0
    count: int = 1
    place: Place | None = field(default=None, repr=False, compare=False)
    """Where it lies in the file; found out anew where it is None."""
    meaning: Meaning = field(default=NO_MEANING, repr=False, compare=False)
    """What is said about the file; whoever reads the frame need not know it."""

    @property
    def label(self) -> str:
        """The file's name, and in a file of several frames the frame's number from 1: `seq.tif#3`."""
        return self.path.name if self.count == 1 else f"{self.path.name}#{self.index + 1}"


def frames_in(path: Path, meaning: Meaning = NO_MEANING) -> tuple[Frame, ...]:
    """Return the frames of an image file, by its header alone.

    All pages of a TIFF but thumbnails and masks; each image of an array [N, H, W], of a stack in one page, of a
    headerless file. PNG, JPEG and BMP hold one, and are not checked before they are read.

    Raises UnreadableImageError for a file that can't be read, or not without a scale or shape that `meaning` lacks.
    """
    found = places(path, meaning)
    return tuple(Frame(path, index, len(found), place, meaning) for index, place in enumerate(found))
