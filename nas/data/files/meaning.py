"""Facts on image files that the files don't hold: the scale of values, and the shape of headerless frames.

They are in `images.yaml` beside the images or in a folder above, or are given on the command line.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, PositiveInt, ValidationError

from nas.errors import InputError
from nas.fields import in_words
from search_spaces.documents import MAX_BYTES, DocumentError, parse_yaml

MEANING_FILE = "images.yaml"


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Counts(_Plain):
    """The scale by which values of other types than uint8 and uint16 become counts: value = offset + scale * count."""

    scale: FiniteFloat = Field(gt=0)
    offset: FiniteFloat = 0.0

    @classmethod
    def parse(cls, text: str) -> "Counts":
        """Read `0.01` or `0.01,0` (scale, offset). Raises InputError."""
        try:
            numbers = [float(part) for part in text.split(",")]
            return cls(**dict(zip(("scale", "offset"), numbers, strict=len(numbers) > 1)))
        except ValueError:
            raise InputError(
                f"--counts {text[:40]} is not a scale and offset; write --counts 0.01,0 for value = 0 + 0.01 x count."
            ) from None

    def __str__(self) -> str:
        return f"{self.scale:.12g},{self.offset:.12g}"


class RawShape(_Plain):
    """The layout of a headerless file: a header, then frame after frame, each [height, width]."""

    width: PositiveInt
    height: PositiveInt
    type: Literal["uint8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
    byte_order: Literal["little", "big"] = "little"
    header: int = Field(default=0, ge=0)
    """Number of bytes before the first frame."""

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The type of a value in the file."""
        return np.dtype(self.type).newbyteorder("<" if self.byte_order == "little" else ">")

    @property
    def frame_bytes(self) -> int:
        """Number of bytes of a frame."""
        return self.width * self.height * self.dtype.itemsize


class _File(_Plain):
    counts: Counts | None = None
    raw: RawShape | None = None


@dataclass(frozen=True)
class Meaning:
    """What is stated about the images of a folder."""

    counts: Counts | None = None
    raw: RawShape | None = None


NO_MEANING = Meaning()


def meaning_for(path: Path, root: Path, given: Counts | None = None) -> Meaning:
    """Return what is stated about a file: by `given`, else by `images.yaml` in its folder or in a folder above.

    Folders above `root`, the folder that the user named, are ignored. Each field is taken from the nearest file that
    has it. Raises InputError for an `images.yaml` that can't be read or has a wrong field.
    """
    meaning = Meaning(given)
    for folder in _folders(path.parent, root):
        file = folder / MEANING_FILE
        if meaning.counts and meaning.raw:
            break
        if file.is_file():
            stated = _read(file)
            meaning = replace(meaning, counts=meaning.counts or stated.counts, raw=meaning.raw or stated.raw)
    return meaning


def _folders(folder: Path, root: Path) -> Iterator[Path]:
    """Yield `folder` and the folders above it up to `root`; only `folder` if it isn't below `root`."""
    yield folder
    if root in folder.parents:
        for parent in folder.parents:
            yield parent
            if parent == root:
                return


def _read(file: Path) -> _File:
    try:
        with file.open("rb") as content:
            return _parsed(file, content.read(MAX_BYTES + 1))
    except OSError as error:
        raise InputError(f"{file} can't be read ({error.strerror or error}).") from None


@lru_cache(maxsize=64)
def _parsed(file: Path, text: bytes) -> _File:
    """Parse the text of `file`. The result is kept, because it is needed for each image of the folder."""
    try:
        return _File.model_validate(parse_yaml(text, str(file)) or {})
    except DocumentError as error:
        raise InputError(str(error)) from None
    except ValidationError as error:
        raise InputError(in_words(error, str(file))) from None
