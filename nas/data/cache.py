"""Decoded images on disk: one flat, memory-mapped file per set, made once and shared by all processes."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import time
import uuid
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from nas.data.images import Pixels, UnreadableImageError, peak_of
from nas.errors import RunError

_INDEX = "index.json"
_PIXELS = "pixels.bin"
_SEAL = "seal"
_BUILDING = ".building-"
_AHEAD = 64
_BLOCK = 1 << 24
_TRIES = 5
_ABANDONED = 3600
"""Seconds after which a store that nobody writes to any more is one of a process that was killed."""


@dataclass(frozen=True)
class StoredImage:
    """Where one image lies in the flat file (`offset` in pixels), its size, its largest possible value, its digest."""

    name: str
    offset: int
    height: int
    width: int
    peak: int
    digest: str


@dataclass(frozen=True)
class Store:
    """Decoded images one after the other, row by row, in one file of uint8, or of uint16 when any image is 16-bit.

    8-bit images keep their values 0..255 in a uint16 store; `StoredImage.peak` remembers it. `bad` are (name, reason)
    of the files that couldn't be read. Pickling carries the path, not the pixels.
    """

    file: Path
    dtype: str
    images: tuple[StoredImage, ...]
    bad: tuple[tuple[str, str], ...]

    @cached_property
    def flat(self) -> Pixels:
        """The whole file, memory-mapped, [pixels]; to be read only. Raises `RunError` when it is gone."""
        if not self.images:
            return np.empty(0, self.dtype)
        # Copy-on-write, because torch warns about arrays that can't be written to; the pages stay shared.
        try:
            return np.memmap(self.file, self.dtype, mode="c")
        except (OSError, ValueError):
            raise RunError(f"The decoded images in {self.file.parent} were deleted meanwhile; start again.") from None

    def pixels(self, index: int) -> Pixels:
        """One image in its own type, uint8 or uint16 [H, W]."""
        image = self.images[index]
        flat = self.flat[image.offset : image.offset + image.height * image.width]
        return flat.reshape(image.height, image.width).astype(np.uint8 if image.peak == 255 else np.uint16, copy=False)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "flat"}


@dataclass(frozen=True)
class Item:
    """An image to be stored: its name, and the function that makes its pixels (uint8 or uint16 [H, W])."""

    name: str
    read: Callable[[], Pixels]


def open_store(folder: Path, items: Sequence[Item], *, keep_going: bool, tick: Callable[[int], None]) -> Store:
    """The store in `folder`, made from `items` when it isn't there yet, or again, with a warning, when it is damaged.

    Items are read in several threads; `tick` is called with the number of items just done. An `UnreadableImageError`
    of an item is raised, or with `keep_going` noted in `Store.bad`. Building happens beside `folder` and ends in one
    rename, so two processes may do it at once. Raises `RunError` when the disk is full or can't be written to.
    """
    try:
        store = _load(folder)
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
        for _ in range(_TRIES):  # another process may do the same at this moment; what it makes is the same
            _put_in_place(building, folder)
            store = _load(folder)
            if store is not None:
                return store
            time.sleep(0.1)
        raise RunError(f"The decoded images in {folder} are damaged as soon as they're written; is the disk all right?")
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _put_in_place(building: Path, folder: Path) -> None:
    """Rename `building` to `folder` if it's still there, with a damaged `folder` out of the way first."""
    aside = building.with_name(f"{building.name}-damaged")
    if folder.exists() and _load(folder) is None:
        with contextlib.suppress(FileNotFoundError):
            folder.rename(aside)
    try:
        building.rename(folder)
    except FileNotFoundError:
        pass  # it has been renamed already
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    sync_folder(folder.parent)
    shutil.rmtree(aside, ignore_errors=True)
    if aside.is_file():
        aside.unlink(missing_ok=True)


def _remove_abandoned(folder: Path) -> None:
    """Remove what processes left behind that were killed while they built."""
    for building in folder.glob(f"{_BUILDING}*"):
        with contextlib.suppress(OSError):
            if time.time() - (building / _PIXELS).stat().st_mtime > _ABANDONED:
                shutil.rmtree(building, ignore_errors=True)


def _load(folder: Path) -> Store | None:
    """The store in `folder`; None where there is none, or not exactly what was written."""
    try:
        text = (folder / _INDEX).read_text(encoding="utf-8")
        index = json.loads(text)
        pixels = folder / _PIXELS
        if text != _sealed({key: value for key, value in index.items() if key != _SEAL}):
            return None
        if pixels.stat().st_size != index["bytes"] or checksums(pixels) != index["checksums"]:
            return None
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, AttributeError, RecursionError):
        return None
    images = tuple(StoredImage(**image) for image in index["images"])
    store = Store(pixels, index["dtype"], images, tuple((name, reason) for name, reason in index["bad"]))
    try:
        store.flat  # noqa: B018  mapped now, so that it stays readable when somebody deletes the cache
    except RunError:  # somebody does so at this very moment, or mends it
        return None
    return store


def _sealed(index: dict[str, Any]) -> str:
    """The text of an index with a digest of its content, by which a damaged one is told."""
    content = json.dumps(index)
    return json.dumps({**index, _SEAL: hashlib.sha256(content.encode()).hexdigest()})


def checksums(file: Path) -> list[int]:
    """A CRC-32 of each 16 MiB of a file: about 2 GB/s on one core, and the file is then in memory for who uses it."""

    def of_block(start: int) -> int:
        with file.open("rb") as blocks:
            blocks.seek(start)
            return zlib.crc32(blocks.read(_BLOCK))

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        return list(pool.map(of_block, range(0, file.stat().st_size, _BLOCK)))


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, where the file system can do that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _build(folder: Path, items: Sequence[Item], keep_going: bool, tick: Callable[[int], None]) -> None:
    images: list[StoredImage] = []
    bad: list[tuple[str, str]] = []
    offset = 0
    with (folder / _PIXELS).open("wb") as file:
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
    depths = {image.peak for image in images}
    if len(depths) == 2:
        _widen(folder / _PIXELS, images)
    dtype = "uint16" if peak_of(np.uint16) in depths else "uint8"
    index: dict[str, Any] = {"dtype": dtype, "images": [asdict(image) for image in images], "bad": bad}
    index |= {"bytes": (folder / _PIXELS).stat().st_size, "checksums": checksums(folder / _PIXELS)}
    (folder / _INDEX).write_text(_sealed(index), encoding="utf-8")
    # A rename may reach the disk before what was renamed.
    for name in (_PIXELS, _INDEX):
        with (folder / name).open("rb") as written:
            os.fsync(written.fileno())
    sync_folder(folder)


def _read_ahead(items: Sequence[Item]) -> Iterator[Pixels | UnreadableImageError]:
    """Reads in threads, but only some images ahead of the writing: a set may be larger than memory."""

    def read(item: Item) -> Pixels | UnreadableImageError:
        try:
            return item.read()
        except UnreadableImageError as error:
            return error

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(items), _AHEAD):
            yield from pool.map(read, items[start : start + _AHEAD])


def digest_of(pixels: Pixels) -> str:
    """Of the type, the size and the values, with the bytes in little-endian order on every machine."""
    values = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<"))
    return hashlib.sha256(f"{pixels.dtype.name} {pixels.shape}".encode() + values.tobytes()).hexdigest()[:16]


def _widen(file: Path, images: Sequence[StoredImage]) -> None:
    """Rewrites a file of mixed 8- and 16-bit images as 16-bit throughout; offsets count pixels and so stay."""
    wide = file.with_suffix(".wide")
    with file.open("rb") as narrow, wide.open("wb") as out:
        for image in images:
            dtype = np.uint8 if image.peak == 255 else np.uint16
            out.write(np.fromfile(narrow, dtype, image.height * image.width).astype(np.uint16).tobytes())
    wide.replace(file)
