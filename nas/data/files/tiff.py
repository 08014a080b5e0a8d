"""TIFF files of all kinds: pages, stacks in a page, byte orders, tiles and compressions (by tifffile)."""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tifffile

from nas.data.files import jpeg
from nas.data.files.counts import check_type, is_scaled
from nas.data.files.directories import check_directories
from nas.data.files.limits import check_size
from nas.data.files.meaning import Meaning
from nas.data.files.orientation import TAG, UPRIGHT, upright
from nas.data.files.unreadable import DAMAGED, Pixels, UnreadableImageError

_COLOURS = ("RGB", "YCBCR")
_GRAYS = ("MINISBLACK", "MINISWHITE", "PALETTE")
_PLANAR = 2
_UNSPECIFIED = 0
"""The code of an extra sample that is not transparency."""
_JPEG = 7
_COMPRESSIONS = (1, 2, 3, 4, 5, _JPEG, 8, 32773, 32946, 34925, 50000)
"""None, three of fax, LZW, JPEG, deflate (twice), packbits, LZMA, Zstandard: their output is bounded by a strip."""
_REDUCED, _MASK = 1, 4
"""Bits that mark a page as the thumbnail or the transparency mask of another page."""

# The messages of tifffile don't name the file; the error raised here does.
logging.getLogger("tifffile").setLevel(logging.CRITICAL)


class Place(NamedTuple):
    """The place of a frame: the offset of its page's directory in the file, and the number of its plane in the page."""

    page: int = 0
    plane: int = 0
    follows: bool = False
    """Whether the frame lies behind the page without a page of its own, as in stacks above 4 GiB by ImageJ."""
    is_scaled: bool = False
    """Whether its values become counts by a scale, if a scale is given."""


def tiff_places(path: Path, meaning: Meaning) -> tuple[Place, ...]:
    """Return the places of the frames of a TIFF, in order, without thumbnails and masks. Nothing is decoded.

    Raises UnreadableImageError for a damaged file, and for pages of a kind or type that infrared images don't have.
    """
    check_directories(path)
    with _opened(path) as file:
        places = list[Place]()
        for page in file.pages:
            if page.subfiletype & (_REDUCED | _MASK):
                continue
            _check(path, page, meaning)
            scaled = is_scaled(page.dtype)
            promised = _promised(page, file) if len(file.pages) == 1 and page.is_contiguous else 1
            count = promised if promised > 1 else _planes(page)
            places += [Place(page.offset, plane, promised > 1, scaled) for plane in range(count)]
        if not places:
            raise UnreadableImageError(path, "has thumbnails or masks alone")
        return tuple(places)


def tiff_frame(path: Path, place: Place, meaning: Meaning) -> Pixels:
    """Decode a frame in the file's type, as a viewer shows it: [H, W], or [H, W, 3] with colours as B, G, R.

    Raises UnreadableImageError for a frame that can't be read.
    """
    with _opened(path) as file:
        file.filehandle.seek(place.page)  # by the offset, because by a number tifffile reads all pages before it
        page: Any = tifffile.TiffPage(file, 0)
        _check(path, page, meaning)
        _check_data(path, page, file)
        values = _follower(page, place.plane) if place.follows else _plane(page, place.plane)
        tag = page.tags.get(TAG)
        return upright(values, int(tag.value) if tag is not None else UPRIGHT)


@contextmanager
def _opened(path: Path) -> Iterator[tifffile.TiffFile]:
    """Open a file. Any error of a damaged file becomes an UnreadableImageError."""
    try:
        with tifffile.TiffFile(path) as file:
            yield file
    except (UnreadableImageError, OSError):
        raise
    except Exception:  # decoders of damaged data raise errors of any type
        raise UnreadableImageError(path, DAMAGED) from None


def _check(path: Path, page: Any, meaning: Meaning) -> None:
    """Raise UnreadableImageError for a page that can't be read, or that needs more memory than the limit."""
    name = getattr(page.photometric, "name", str(page.photometric))
    if name not in (*_COLOURS, *_GRAYS) or (name == "YCBCR" and page.compression != _JPEG):
        raise UnreadableImageError(path, f"is a TIFF of colours as {name}, but gray or RGB is needed")
    if page.compression not in _COMPRESSIONS:
        kind = getattr(page.compression, "name", str(page.compression))
        raise UnreadableImageError(path, f"is a TIFF with the compression {kind}, which isn't read; write it as LZW")
    if page.dtype is None:
        raise UnreadableImageError(path, f"is a TIFF of {page.bitspersample}-bit values, which aren't read")
    check_type(path, page.dtype, meaning.counts)
    planes = page.samplesperpixel * page.imagedepth
    stored = min(path.stat().st_size, sum(page.databytecounts))
    check_size(path, page.imagewidth, page.imagelength, planes, page.dtype.itemsize, stored)


def _check_data(path: Path, page: Any, file: tifffile.TiffFile) -> None:
    """Raise UnreadableImageError if strips or tiles are missing, lie beyond the file, or are too large JPEGs."""
    segments = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    size = file.filehandle.size
    if not segments or any(offset < 1 or count < 1 or offset + count > size for offset, count in segments):
        raise UnreadableImageError(path, DAMAGED)
    if not page.is_contiguous and len(segments) < math.prod(page.chunked):
        raise UnreadableImageError(path, DAMAGED)
    if page.compression == _JPEG:
        for offset, count in segments:
            file.filehandle.seek(offset)
            found = jpeg.jpeg_header(file.filehandle.read(count))
            if found is None:
                raise UnreadableImageError(path, DAMAGED)
            check_size(path, found.width, found.height, found.channels, 1, count)


def _is_colour(page: Any) -> bool:
    return bool(page.photometric.name in _COLOURS and page.samplesperpixel >= 3 and not _is_stack(page))


def _is_stack(page: Any) -> bool:
    """Tell whether tifffile wrote frames [3, H, W] or [4, H, W]. By default it calls them planes of a colour image."""
    return bool(page.planarconfig == _PLANAR and page.parent.is_shaped)


def _grays(page: Any) -> int:
    """Return the number of samples of a gray page that are frames: all except transparency."""
    if _is_stack(page):
        return int(page.samplesperpixel)
    return int(page.samplesperpixel) - sum(1 for kind in page.extrasamples if kind != _UNSPECIFIED)


def _promised(page: Any, file: tifffile.TiffFile) -> int:
    """Return the number of frames in the description. Raises ValueError if they would end beyond the file."""
    series = file.series[0]
    if series.dataoffset is None:
        return 1
    count = int(math.prod(series.shape) // math.prod(page.shape))
    if series.dataoffset + count * page.nbytes > file.filehandle.size:
        raise ValueError("fewer frames than promised")
    return count


def _planes(page: Any) -> int:
    return int(page.imagedepth) * (1 if _is_colour(page) else _grays(page))


def _follower(page: Any, number: int) -> Pixels:
    """Read frame `number` of a stack whose frames lie one after another behind its only page."""
    file = page.parent.filehandle
    file.seek(page.dataoffsets[0] + number * page.nbytes)
    values = file.read_array(page.parent.byteorder + page.dtype.char, math.prod(page.shape))
    return _gray(values.reshape(page.imagelength, page.imagewidth), page)


def _plane(page: Any, number: int) -> Pixels:
    values: Pixels = page.asarray(squeeze=False, maxworkers=1)  # [separate samples, depth, H, W, samples of a pixel]
    if _is_colour(page):
        pixels = values[:3, number, ..., 0].transpose(1, 2, 0) if page.planarconfig == _PLANAR else values[0, number]
        return pixels[..., 2::-1]
    sample, depth = divmod(number, page.imagedepth)
    plane = values[sample, depth, ..., 0] if page.planarconfig == _PLANAR else values[0, depth, ..., sample]
    return _gray(plane, page)


def _gray(plane: Pixels, page: Any) -> Pixels:
    """Apply the photometric sense, and expand less than 8 bits. A palette becomes B, G, R."""
    bits, name = page.bitspersample, page.photometric.name
    if name == "PALETTE":
        colours = (np.asarray(page.colormap) >> 8).astype(np.uint8)
        return colours[::-1, plane].transpose(1, 2, 0)
    if bits < 8:
        plane = plane.astype(np.uint8) * np.uint8(255 // (2**bits - 1))
        bits = 8
    if name == "MINISWHITE" and plane.dtype.kind == "u":
        plane = plane.dtype.type(2**bits - 1) - plane
    return plane
