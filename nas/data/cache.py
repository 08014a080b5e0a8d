"""The cache of decoded images: stores are made once, and shared by all processes."""

import contextlib
import errno
import os
import shutil
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nas.data.images import Pixels, UnreadableImageError, peak_of
from nas.data.store import INDEX, PIXELS, Store, StoredImage, checksums, digest_of, load_store, sealed
from nas.errors import RunError

_BUILDING = ".building-"
"""Begin of the names of folders in which stores are made."""

_AHEAD = 64
"""Number of images that are decoded before they are written."""

_TRIES = 5

_ABANDONED = 3600
"""If nobody has written to a folder for this many seconds, the process that made it was killed."""


@dataclass(frozen=True)
class Item:
    """An image to store: its name, and the function that returns its pixels (uint8 or uint16 [H, W])."""

    name: str
    read: Callable[[], Pixels]


def open_store(folder: Path, items: Sequence[Item], *, keep_going: bool, tick: Callable[[int], None]) -> Store:
    """Return the store in `folder`. It is made from `items` if it isn't there, or if it is damaged (with a warning).

    Items are read in several threads. A store is built beside `folder` and put in place by one rename, so two processes
    may make the same store at once.

    Args:
        folder: The folder of the store.
        items: The images, in the order of the store.
        keep_going: Note an UnreadableImageError of an item in `Store.bad` instead of raising it.
        tick: Called with the number of items just done.

    Raises:
        UnreadableImageError: An item can't be read, and `keep_going` is False.
        RunError: The disk is full or can't be written to.
    """
    try:
        store = load_store(folder)
        if store is not None:
            tick(len(items))
            return store
        return _make(folder, items, keep_going, tick)
    except OSError as error:
        raise RunError(f"The decoded images can't be kept in {folder}: {error.strerror or error}.") from error


def _make(folder: Path, items: Sequence[Item], keep_going: bool, tick: Callable[[int], None]) -> Store:
    if folder.exists():
        warnings.warn(f"the decoded images in {folder} are damaged or incomplete; they're made again", stacklevel=4)
    building = folder.with_name(f"{_BUILDING}{uuid.uuid4().hex}")
    try:
        building.mkdir(parents=True)
        _remove_abandoned(folder.parent)
        _build(building, items, keep_going, tick)
        for _ in range(_TRIES):  # another process may put the same store in place at this moment
            _put_in_place(building, folder)
            store = load_store(folder)
            if store is not None:
                return store
            time.sleep(0.1)
        raise RunError(f"The decoded images in {folder} are damaged as soon as they're written; is the disk all right?")
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _put_in_place(building: Path, folder: Path) -> None:
    """Rename `building` to `folder` if `building` is still there. A damaged `folder` is moved out of the way first."""
    aside = building.with_name(f"{building.name}-damaged")
    if folder.exists() and load_store(folder) is None:
        with contextlib.suppress(FileNotFoundError):
            folder.rename(aside)
    try:
        building.rename(folder)
    except FileNotFoundError:
        pass  # an earlier try renamed it
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    _sync_folder(folder.parent)
    shutil.rmtree(aside, ignore_errors=True)
    if aside.is_file():
        aside.unlink(missing_ok=True)


def _remove_abandoned(folder: Path) -> None:
    """Remove what killed processes left behind."""
    for building in folder.glob(f"{_BUILDING}*"):
        with contextlib.suppress(OSError):
            if time.time() - (building / PIXELS).stat().st_mtime > _ABANDONED:
                shutil.rmtree(building, ignore_errors=True)


def _build(folder: Path, items: Sequence[Item], keep_going: bool, tick: Callable[[int], None]) -> None:
    images, bad = _write_pixels(folder / PIXELS, items, keep_going, tick)
    depths = {image.peak for image in images}
    if len(depths) == 2:
        _widen(folder / PIXELS, images)
    dtype = "uint16" if peak_of(np.uint16) in depths else "uint8"
    index: dict[str, Any] = {"dtype": dtype, "images": [asdict(image) for image in images], "bad": bad}
    index |= {"bytes": (folder / PIXELS).stat().st_size, "checksums": checksums(folder / PIXELS)}
    (folder / INDEX).write_text(sealed(index), encoding="utf-8")
    # The rename of the folder may reach the disk before the content of its files does.
    for name in (PIXELS, INDEX):
        with (folder / name).open("rb") as written:
            os.fsync(written.fileno())
    _sync_folder(folder)


def _write_pixels(
    path: Path, items: Sequence[Item], keep_going: bool, tick: Callable[[int], None]
) -> tuple[list[StoredImage], list[tuple[str, str]]]:
    """Write the pixels of all items to a file, and return where each image lies, and which items are bad."""
    images: list[StoredImage] = []
    bad: list[tuple[str, str]] = []
    offset = 0
    with path.open("wb") as file:
        for item, pixels in zip(items, _read_ahead(items), strict=True):
            tick(1)
            if isinstance(pixels, UnreadableImageError):
                if not keep_going:
                    raise pixels
                bad.append((item.name, pixels.reason))
                continue
            height, width = pixels.shape
            images.append(StoredImage(item.name, offset, height, width, peak_of(pixels.dtype), digest_of(pixels)))
            offset += pixels.size
            file.write(np.ascontiguousarray(pixels).tobytes())
    return images, bad


def _read_ahead(items: Sequence[Item]) -> Iterator[Pixels | UnreadableImageError]:
    """Yield the images. Threads read only some images ahead, because a set may be larger than the memory."""

    def read(item: Item) -> Pixels | UnreadableImageError:
        try:
            return item.read()
        except UnreadableImageError as error:
            return error

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:
        for start in range(0, len(items), _AHEAD):
            yield from threads.map(read, items[start : start + _AHEAD])


def _widen(file: Path, images: Sequence[StoredImage]) -> None:
    """Rewrite a file of mixed 8- and 16-bit images with 16 bits for all. Offsets count pixels, so they stay."""
    wide = file.with_suffix(".wide")
    with file.open("rb") as narrow, wide.open("wb") as out:
        for image in images:
            dtype = np.uint8 if image.peak == 255 else np.uint16
            out.write(np.fromfile(narrow, dtype, image.height * image.width).astype(np.uint16).tobytes())
    wide.replace(file)


def _sync_folder(folder: Path) -> None:
    """Write the names in a folder to the disk, if the file system can do that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
