"""Single-channel 8- and 16-bit images: reading, writing, tensors, and the bicubic resize of all measurements."""

import threading
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from nas.data.files.meaning import NO_MEANING, Meaning
from nas.data.files.reading import Contents, contents, places
from nas.data.files.unreadable import Pixels, UnreadableImageError
from nas.data.files.writing import write_frames
from nas.data.frames import Frame
from nas.data.radiometric import RadiometricError, sensor_counts

__all__ = [
    "IMAGE_SUFFIXES",
    "Decoded",
    "Pixels",
    "UnreadableImageError",
    "decode_image",
    "is_radiometric",
    "peak_of",
    "read_image",
    "read_luma",
    "read_stored",
    "resize_bicubic",
    "studio_luma",
    "to_pixels",
    "video_luma",
    "write_image",
]

IMAGE_SUFFIXES = frozenset({".png", ".bmp", ".tif", ".tiff", ".jpg", ".jpeg", ".npy", ".raw"})
"""Endings of the files that are read as images, in lower case."""

_CHROMA_ROUNDING = 4
"""Grey levels by which the channels of a gray video may differ after decoding."""

_PEAKS = {"uint8": 255, "uint16": 65535}
_JPEG = b"\xff\xd8"


class Decoded(NamedTuple):
    """An image as `read_image` returns it, and facts on its file."""

    pixels: Pixels
    is_coloured: bool
    """Whether the file has channels that differ."""
    is_radiometric: bool
    """Whether the file is a JPEG from which the counts of the sensor were read instead of the picture."""


_colour_was_reported = False
_colour_lock = threading.Lock()


def read_image(frame: Frame | Path, meaning: Meaning = NO_MEANING) -> Pixels:
    """Read an image as one channel: uint8 or uint16 [H, W], upright, as a viewer shows it.

    The values are those of the file, or counts if `meaning` (or else the frame's meaning) has a scale. A file with
    equal channels is gray, and alpha is ignored. Colours become luma (ITU-R BT.601, full range: 0.299 R + 0.587 G +
    0.114 B), with one warning in each process. From a radiometric JPEG the counts of the sensor are read, not the
    picture. A path stands for the first frame of the file.

    Raises UnreadableImageError (an InputError) for a file that is missing, truncated, not an image, or of a type that
    needs a scale or a shape; InputError if the limit of memory (`NAS_MAX_IMAGE_MPIXELS`) is not a number.
    """
    return _noted(decode_image(frame, meaning), frame)


def read_stored(frame: Frame | Path, meaning: Meaning = NO_MEANING) -> tuple[Pixels, np.dtype[Any]]:
    """Read an image like `read_image`; return also the type of its values in the file."""
    found = _contents(frame, meaning)
    return _noted(Decoded(*_to_gray(found.values), is_radiometric=found.is_radiometric), frame), found.stored


def _noted(decoded: Decoded, frame: Frame | Path) -> Pixels:
    """Return the pixels, after a warning for the first colour image of the process."""
    if decoded.is_coloured and _is_first_colour():
        name = frame if isinstance(frame, Path) else frame.path
        warnings.warn(f"{name} is a colour image; all colour images are read as luma (BT.601)", stacklevel=3)
    return decoded.pixels


def _is_first_colour() -> bool:
    global _colour_was_reported
    with _colour_lock:
        first, _colour_was_reported = not _colour_was_reported, True
    return first


def decode_image(frame: Frame | Path, meaning: Meaning = NO_MEANING) -> Decoded:
    """Read an image like `read_image`, without the warning."""
    found = _contents(frame, meaning)
    return Decoded(*_to_gray(found.values), is_radiometric=found.is_radiometric)


def video_luma(frame: Pixels, path: Path) -> Pixels:
    """Return a frame of the video `path` as one channel, as `read_image` does with the images of files.

    A gray video in a colour format, as cameras write it, has channels that differ by rounding; no warning is given.
    """
    pixels, differs = _to_gray(frame)
    spread = np.ptp(frame[..., :3], axis=2).max() if differs else 0
    return _noted(Decoded(pixels, bool(spread > _CHROMA_ROUNDING), is_radiometric=False), path)


def read_luma(frame: Frame | Path, meaning: Meaning = NO_MEANING) -> Pixels:
    """Read an image like `read_image`, but convert colours to the Y of PSNR-Y in the literature; see `studio_luma`.

    Files with three channels become Y also if the channels are equal, as in MATLAB. Files with one channel stay as they
    are. Y is rounded to integers of the type.
    """
    values = _contents(frame, meaning).values
    if values.ndim == 2 or values.shape[2] < 3:
        return _to_gray(values)[0]
    peak = peak_of(values.dtype)
    luma = studio_luma(values[..., 2::-1] * (255 / peak)) * (peak / 255)
    return np.floor(luma + 0.5).astype(values.dtype)


def studio_luma(colours: Pixels) -> Pixels:
    """Convert RGB [..., 3] in 0..255 to luma Y [...] in 16..235, not rounded (ITU-R BT.601, MATLAB's `rgb2ycbcr`)."""
    luma: Pixels = 16 + colours @ np.array([65.481, 128.553, 24.966]) / 255
    return luma


def _contents(frame: Frame | Path, meaning: Meaning) -> Contents:
    frame = Frame(frame) if isinstance(frame, Path) else frame
    meaning = frame.meaning if meaning == NO_MEANING else meaning
    return contents(frame.path, frame.place or places(frame.path, meaning)[frame.index], meaning)


def is_radiometric(path: Path) -> bool:
    """Tell whether `read_image` reads the sensor's counts of a JPEG file; False for a file that can't be read."""
    try:
        with path.open("rb") as file:
            return file.read(2) == _JPEG and sensor_counts(_JPEG + file.read()) is not None
    except (OSError, RadiometricError):
        return False


def _to_gray(decoded: Pixels) -> tuple[Pixels, bool]:
    if decoded.ndim == 2:
        return decoded, False
    if decoded.shape[2] < 3:
        return np.ascontiguousarray(decoded[..., 0]), False
    blue, green, red = (decoded[..., channel] for channel in range(3))
    if np.array_equal(blue, green) and np.array_equal(green, red):
        return np.ascontiguousarray(blue), False
    return cv2.cvtColor(np.ascontiguousarray(decoded[..., :3]), cv2.COLOR_BGR2GRAY), True


def write_image(path: Path, pixels: Pixels) -> None:
    """Write uint8 or uint16 [H, W] with the same bit depth. The file appears whole or not at all.

    Raises InputError for an ending that is not of an image, and for a format that can't hold 16 bits or as many pixels;
    RunError if the file can't be written.
    """
    if pixels.ndim != 2 or pixels.dtype.name not in _PEAKS:
        raise ValueError(f"uint8 or uint16 [H, W] is needed, but got {pixels.dtype} {pixels.shape}.")
    write_frames(path, [pixels])


def peak_of(dtype: Any) -> int:
    """Return the largest value of an image type: 255 for uint8, 65535 for uint16. Raises ValueError for others."""
    name = np.dtype(dtype).name
    if name not in _PEAKS:
        raise ValueError(f"uint8 or uint16 is needed, but got {name}.")
    return _PEAKS[name]


def to_pixels(image: Tensor, dtype: Any) -> Pixels:
    """Convert an image, float [..., H, W] in 0..1, to uint8 or uint16 [H, W]: clipped, then rounded half up."""
    values = image.detach().reshape(image.shape[-2:]).float().clamp(0, 1)
    return torch.floor(values * peak_of(dtype) + 0.5).cpu().numpy().astype(dtype)


def resize_bicubic(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize [N, C, H, W] bicubically to `size` (height, width), in float32. Values may overshoot 0..1.

    The kernel is that of Keys with a = -0.5 (Keys 1981, doi:10.1109/TASSP.1981.1163711). When shrinking, the kernel is
    stretched by the scale (anti-aliased), as in MATLAB's `imresize` and Pillow. Away from the border the result equals
    `imresize` to float precision. At the border, taps outside the image are dropped and the others renormalised (as in
    Pillow), but `imresize` mirrors the image. This changes the outer 2 pixels of a reduced image, and the outer
    2 x scale - 1 pixels of an enlarged image.
    """
    return F.interpolate(images.float(), size=size, mode="bicubic", align_corners=False, antialias=True)
