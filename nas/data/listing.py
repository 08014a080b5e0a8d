"""The images below a folder as they are listed: single images with the role of their names, and whole sets."""

from dataclasses import dataclass

from nas.data.folder import LeftOut
from nas.data.frames import Counts, Frame
from nas.data.roles import Label, Role


@dataclass(frozen=True)
class Wanted:
    """The LR images that a command needs."""

    scale: int
    degradation: str
    counts: Counts | None = None
    """The scale of values that aren't of 8 or 16 bits; None: what `images.yaml` says."""

    def __str__(self) -> str:
        return f"{self.degradation} x{self.scale}"

    @property
    def is_default(self) -> bool:
        """Whether this is the degradation that is used if the user names none."""
        return self.degradation == ("noise" if self.scale == 1 else "bicubic")


@dataclass(frozen=True)
class Member:
    """An image below a folder: a file, or one frame of a file."""

    frame: Frame
    relative: str
    """Path below the folder, with "/", and the number of the frame: `a/seq.tif#3`."""
    role: Role
    key: str
    """`relative` without the folders that only name a part or a resolution. HR and LR of an image have equal keys."""
    stem: str
    """`key` without ending and frame number. HR and LR have equal stems, except for suffixes like `_LR` or `x2`."""


@dataclass(frozen=True)
class Source:
    """An image of a set: its name in the set, its HR frame, and its LR frame if the folder holds LR images."""

    name: str
    hr: Frame
    lr: Frame | None = None


@dataclass(frozen=True)
class Listing:
    """The images of a set, ordered by name, and the files that are not in the set."""

    sources: tuple[Source, ...]
    unpaired: tuple[tuple[str, str], ...] = ()
    """(name, reason) of HR files without LR, and of LR files without HR: a fault of the folder."""
    left_out: tuple[LeftOut, ...] = ()
    """Files that are left out for another reason, such as LR images of another scale."""
    given: Label | None = None
    """What the folder of the LR files says of them; None if there are no LR files."""
    others: int = 0
    """Number of files of the folder that are texts, tables and the like."""
