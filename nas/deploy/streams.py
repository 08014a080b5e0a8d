"""Images from standard input, and to standard output, both named `-`."""

import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from nas.data.files.directories import MAGICS
from nas.data.files.writing import WRITTEN
from nas.data.images import is_radiometric
from nas.errors import InputError, RunError

STREAM = "-"
"""The name of standard input as a source, and of standard output as a target."""

FORMATS = ("png", "tif")
"""Formats that can be chosen for standard output."""

_STARTS = {b"\x89PNG": ".png", b"\xff\xd8": ".jpg", b"BM": ".bmp", b"\x93NUMPY": ".npy"} | dict.fromkeys(MAGICS, ".tif")
_IN, _OUT = "standard-input", "standard-output"

Result = TypeVar("Result")


@dataclass(frozen=True)
class Files:
    """The files that stand for the streams while images are upscaled."""

    sources: Sequence[str | Path]
    target: Path


@contextmanager
def streams_as_files(sources: Sequence[str | Path], target: str | Path, chosen: str | None) -> Iterator[Files]:
    """Yield sources and target with files in place of `-`; afterwards the result is written to standard output.

    `chosen` is the format of standard output; None: that of the input. Nothing is written if the block raises. Errors
    name the streams. Raises InputError if `-` stands beside other sources, if standard input has no image, if a
    terminal would get the image, and for a format where the target has a name.
    """
    names = [str(source) for source in sources]
    if chosen is not None and str(target) != STREAM:
        raise InputError(f"--format is for standard output ('-'); the name {target} says its format itself.")
    if STREAM not in names and str(target) != STREAM:
        yield Files(sources, Path(target))
        return
    if len(names) > 1:
        raise InputError("Standard input or output ('-') takes one image; name one source, or a folder to write to.")
    with tempfile.TemporaryDirectory(prefix="nas-") as folder:
        place = Path(folder)
        with _named(place):
            source = _received(place) if names == [STREAM] else Path(names[0])
            out = place / f"{_OUT}{_ending(source, chosen)}" if str(target) == STREAM else Path(target)
            yield Files([source], out)
            if str(target) == STREAM:
                _send(out)


def _received(place: Path) -> Path:
    """Write standard input to a file whose ending is that of its format."""
    if sys.stdin is None or sys.stdin.isatty():
        raise InputError("Standard input is a terminal; pipe an image into it: cat a.png | nas upscale MODEL - b.png.")
    start = sys.stdin.buffer.read(8)
    if not start:
        raise InputError("Standard input is empty; an image was expected.")
    ending = next((ending for magic, ending in _STARTS.items() if start.startswith(magic)), None)
    if ending is None:
        raise InputError("Standard input is no image; PNG, TIFF, JPEG, BMP and .npy are read.")
    file = place / f"{_IN}{ending}"
    try:
        with file.open("wb") as whole:
            whole.write(start)
            shutil.copyfileobj(sys.stdin.buffer, whole)
    except OSError as error:
        raise RunError(f"Standard input can't be kept in {place}: {error.strerror or error}.") from None
    return file


def _ending(source: Path, chosen: str | None) -> str:
    """Return the ending of the format of standard output."""
    if sys.stdout.isatty():
        raise InputError("Standard output is a terminal; write the image to a file: nas upscale MODEL a.png - > b.png.")
    if source.is_dir():
        raise InputError(f"{source} is a folder, but standard output takes one image; name a folder to write to.")
    if chosen is not None:
        return f".{chosen}"
    suffix = source.suffix.lower()
    return ".png" if suffix not in WRITTEN or is_radiometric(source) else suffix


def _send(file: Path) -> None:
    """Copy a file to standard output."""
    sys.stdout.flush()
    with file.open("rb") as whole:
        shutil.copyfileobj(whole, sys.stdout.buffer)
    sys.stdout.buffer.flush()


@contextmanager
def _named(place: Path) -> Iterator[None]:
    """Name the streams in errors instead of the files in `place`."""
    try:
        yield
    except (InputError, RunError) as error:
        kind: Callable[[str], InputError | RunError] = InputError if isinstance(error, InputError) else type(error)
        text = str(error)
        for name in (_IN, _OUT):
            text = re.sub(re.escape(str(place / name)) + r"\.\w+", name.replace("-", " "), text)
        raise kind(text) from None
