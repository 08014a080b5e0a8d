"""Frames in NumPy's .npy files and in headerless .raw files. They take no memory until a frame is read."""

from pathlib import Path

import numpy as np

from nas.data.files.counts import check_type
from nas.data.files.limits import check_size
from nas.data.files.meaning import MEANING_FILE, Meaning
from nas.data.files.unreadable import Pixels, UnreadableImageError

_FEWEST = 5
"""Minimum number of columns of a frame. With fewer, the last axis is probably the channels of a colour image."""


def npy_frames(path: Path, meaning: Meaning) -> Pixels:
    """Return the frames of an .npy file, [N, H, W] in the file's type, as a view of the file.

    Raises UnreadableImageError for damage, pickled objects, and arrays that are neither [H, W] nor [N, H, W].
    """
    try:
        frames = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError:
        raise
    except Exception:  # NumPy parses the header as a Python literal, which raises errors of many types
        raise UnreadableImageError(path, "is truncated, damaged or no .npy file of numbers") from None
    if not isinstance(frames, np.ndarray) or frames.ndim not in (2, 3) or 0 in frames.shape:
        shape = list(getattr(frames, "shape", ()))
        raise UnreadableImageError(path, f"holds an array {shape}, but [height, width] or [N, height, width] is needed")
    if frames.ndim == 3 and frames.shape[2] < _FEWEST:
        raise UnreadableImageError(
            path,
            f"holds an array {list(frames.shape)}, which as [N, height, width] has frames of {frames.shape[2]} "
            "columns; write gray frames, or colour images as PNG or TIFF",
        )
    check_type(path, frames.dtype, meaning.counts)
    check_size(path, frames.shape[-1], frames.shape[-2], 1, frames.dtype.itemsize, path.stat().st_size)
    return frames if frames.ndim == 3 else frames[None]


def raw_frames(path: Path, meaning: Meaning) -> Pixels:
    """Return the frames of a headerless file, [N, H, W] in the file's type, as a view of the file.

    Raises UnreadableImageError if no shape is stated, or the file doesn't fit the shape.
    """
    raw = meaning.raw
    if raw is None:
        raise UnreadableImageError(
            path,
            "has no header: write 'raw: {width: 640, height: 512, type: uint16}' with its shape into an "
            f"{MEANING_FILE} beside it",
        )
    check_type(path, raw.dtype, meaning.counts)
    size = path.stat().st_size
    count, rest = divmod(size - raw.header, raw.frame_bytes)
    if count < 1 or rest:
        after = f" after a header of {raw.header}" if raw.header else ""
        raise UnreadableImageError(
            path,
            f"has {size} bytes, but whole frames of {raw.width} x {raw.height} {raw.type} have {raw.frame_bytes} each"
            f"{after}",
        )
    check_size(path, raw.width, raw.height, 1, raw.dtype.itemsize, size)
    return np.memmap(path, raw.dtype, "r", raw.header, (count, raw.height, raw.width))
