"""Decoded images on disk: one flat, memory-mapped file per set, made once and shared by every process that trains on it."""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from nas.data.images import Pixels, UnreadableImageError, peak_of
from nas.errors import RunError

_FORMAT = 1
_AHEAD = 64
_T = TypeVar("_T")


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

    8-bit images keep their values 0..255 in a uint16 store; `StoredImage.peak` remembers it. `bad` are (name, reason) of the
    files that couldn't be read. Pickling carries the path, not the pixels.
    """

    file: Path
    dtype: str
    images: tuple[StoredImage, ...]
    bad: tuple[tuple[str, str], ...]

    @cached_property
    def flat(self) -> Pixels:
        """The whole file, memory-mapped, [pixels]; to be read only."""
        # Copy-on-write, because torch warns about arrays that can't be written to; the pages stay shared between processes.
        return np.memmap(self.file, self.dtype, mode="c")

    def pixels(self, index: int) -> Pixels:
        """One image in its own type, uint8 or uint16 [H, W]."""
        image = self.images[index]
        flat = self.flat[image.offset : image.offset + image.height * image.width]
        return flat.reshape(image.height, image.width).astype(np.uint8 if image.peak == 255 else np.uint16, copy=False)

    def select(self, indices: Iterable[int]) -> "Store":
        """The same file with only these images, in this order."""
        return replace(self, images=tuple(self.images[index] for index in indices))

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "flat"}


Read = Callable[[_T], tuple[str, Pixels]]


def open_store(folder: Path, items: Sequence[_T], read: Callable[[_T], Pixels], name: Callable[[_T], str],
               keep_going: bool, tick: Callable[[int], None]) -> Store:
    """The store in `folder`, made from `items` when it isn't there yet.

    `read` gives an item's pixels and is called in several threads; `tick` is called with the number of items just done.
    With `keep_going` an `UnreadableImageError` is noted in `bad`, else it's raised. Building happens beside `folder` and
    ends in one rename, so two processes may do it at once. Raises `RunError` when the disk is full or can't be written to.
    """
    if not (folder / "index.json").exists():
        building = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
        try:
            building.mkdir(parents=True)
            _build(building, items, read, name, keep_going, tick)
            _rename(building, folder)
        except OSError as error:
            raise RunError(f"The decoded images can't be kept in {folder} ({error.strerror or error}).") from error
        finally:
            shutil.rmtree(building, ignore_errors=True)
    else:
        tick(len(items))
    return _load(folder)
