"""Decoded images on disk: one flat, memory-mapped file per set, made once and shared by all processes."""

import contextlib
import hashlib
import json
import os
import shutil
import uuid
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
_AHEAD = 64


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
        """The whole file, memory-mapped, [pixels]; to be read only."""
        # Copy-on-write, because torch warns about arrays that can't be written to; the pages stay shared.
        return np.memmap(self.file, self.dtype, mode="c")

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
    """The store in `folder`, made from `items` when it isn't there yet.

    Items are read in several threads; `tick` is called with the number of items just done. An `UnreadableImageError`
    of an item is raised, or with `keep_going` noted in `Store.bad`. Building happens beside `folder` and ends in one
    rename, so two processes may do it at once. Raises `RunError` when the disk is full or can't be written to.
    """
    if (folder / _INDEX).exists():
        tick(len(items))
        return _load(folder)
    building = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    try:
        building.mkdir(parents=True)
        _build(building, items, keep_going, tick)
        # A rename fails when another process was first; what it made is the same.
        with contextlib.suppress(OSError):
            building.rename(folder)
        return _load(folder)
    except OSError as error:
        raise RunError(f"The decoded images can't be kept in {folder}: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _load(folder: Path) -> Store:
    index = json.loads((folder / _INDEX).read_text())
    images = tuple(StoredImage(**image) for image in index["images"])
    return Store(folder / _PIXELS, index["dtype"], images, tuple((name, reason) for name, reason in index["bad"]))


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
    index = {"dtype": dtype, "images": [asdict(image) for image in images], "bad": bad}
    (folder / _INDEX).write_text(json.dumps(index))


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
