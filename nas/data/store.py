"""Decoded images of a set in one flat, memory-mapped file, with an index that reveals any damage."""

import hashlib
import json
import os
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from nas.data.images import Pixels
from nas.errors import RunError

INDEX = "index.json"
PIXELS = "pixels.bin"
_SEAL = "seal"
"""The field of the index with the digest of the other fields."""

_BLOCK = 1 << 24
"""Bytes that one checksum covers."""


@dataclass(frozen=True)
class StoredImage:
    """Where an image lies in the flat file, and what it is."""

    name: str
    offset: int
    """The first pixel of the image, counted in pixels of the file."""
    height: int
    width: int
    peak: int
    """The largest value of the image's type: 255 or 65535."""
    digest: str
    """See `digest_of`."""


@dataclass(frozen=True)
class Store:
    """Decoded images in one file, image after image, row by row.

    The file holds uint8, or uint16 if any image has 16 bits. In a uint16 file 8-bit images keep their values 0..255,
    and `StoredImage.peak` tells their type. Pickling a store carries the path, not the pixels.
    """

    file: Path
    dtype: str
    images: tuple[StoredImage, ...]
    bad: tuple[tuple[str, str], ...]
    """(name, reason) of images that couldn't be read."""

    @cached_property
    def flat(self) -> Pixels:
        """The whole file, memory-mapped, [pixels]. Don't write to it. Raises RunError if the file was deleted."""
        if not self.images:
            return np.empty(0, self.dtype)
        # Copy-on-write, because torch warns about arrays that can't be written to. The pages stay shared.
        try:
            return np.memmap(self.file, self.dtype, mode="c")
        except (OSError, ValueError):
            raise RunError(f"The decoded images in {self.file.parent} were deleted meanwhile; start again.") from None

    def pixels(self, index: int) -> Pixels:
        """Return an image in its own type, uint8 or uint16 [H, W]."""
        image = self.images[index]
        flat = self.flat[image.offset : image.offset + image.height * image.width]
        return flat.reshape(image.height, image.width).astype(np.uint8 if image.peak == 255 else np.uint16, copy=False)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "flat"}


def load_store(folder: Path) -> Store | None:
    """Return the store in `folder`; None if there is none, or if it isn't exactly what was written."""
    try:
        text = (folder / INDEX).read_text(encoding="utf-8")
        index = json.loads(text)
        pixels = folder / PIXELS
        if text != sealed({key: value for key, value in index.items() if key != _SEAL}):
            return None
        if pixels.stat().st_size != index["bytes"] or checksums(pixels) != index["checksums"]:
            return None
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, AttributeError, RecursionError):
        return None
    images = tuple(StoredImage(**image) for image in index["images"])
    store = Store(pixels, index["dtype"], images, tuple((name, reason) for name, reason in index["bad"]))
    try:
        store.flat  # noqa: B018  mapped now, so that the pixels stay readable if somebody deletes the cache
    except RunError:  # another process deletes or replaces the store at this moment
        return None
    return store


def sealed(index: dict[str, Any]) -> str:
    """Return the text of an index, with a digest of its content that reveals damage."""
    content = json.dumps(index)
    return json.dumps({**index, _SEAL: hashlib.sha256(content.encode()).hexdigest()})


def checksums(file: Path) -> list[int]:
    """Return a CRC-32 of each 16 MiB of a file.

    This takes about 0.5 s for 1 GB on one core. Afterwards the operating system has the file in memory.
    """

    def of_block(start: int) -> int:
        with file.open("rb") as blocks:
            blocks.seek(start)
            return zlib.crc32(blocks.read(_BLOCK))

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:
        return list(threads.map(of_block, range(0, file.stat().st_size, _BLOCK)))


def digest_of(pixels: Pixels) -> str:
    """Return 16 hex digits of SHA-256 over type, size and values of an image; the same on every machine."""
    values = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<"))
    return hashlib.sha256(f"{pixels.dtype.name} {pixels.shape}".encode() + values.tobytes()).hexdigest()[:16]
