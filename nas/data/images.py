"""Single-channel 8- and 16-bit images: reading, writing, tensors, and the bicubic resize every measurement rests on."""

import threading
import uuid
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from nas.data.radiometric import RadiometricError, sensor_counts
from nas.errors import InputError

Pixels = np.ndarray[Any, np.dtype[Any]]
"""One image as read from a file: uint8 or uint16, [H, W]."""

IMAGE_SUFFIXES = frozenset({".png", ".bmp", ".tif", ".tiff", ".jpg", ".jpeg"})
"""The file names taken for images, in lower case."""

_SIXTEEN_BIT_SUFFIXES = frozenset({".png", ".tif", ".tiff"})
_PEAKS = {"uint8": 255, "uint16": 65535}
_JPEG = b"\xff\xd8"

# OpenCV's own messages don't name the file; the error raised here does.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


class UnreadableImageError(InputError):
    """A file that isn't a whole 8- or 16-bit image; `reason` is its sentence without the path."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)  # both, so that it survives pickling
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path} {self.reason}."


class Decoded(NamedTuple):
    """An image as `read_image` gives it, and what its file was."""

    pixels: Pixels
    is_coloured: bool
    """Truly: with channels that differ."""
    is_radiometric: bool
    """A JPEG of which the sensor's counts were read, not the picture."""


_colour_was_reported = False
_colour_lock = threading.Lock()


def read_image(path: Path) -> Pixels:
    """Reads an image file as one channel: uint8 or uint16 [H, W], the file's own values.

    Colour with equal channels is gray (alpha is ignored); real colour becomes luma (ITU-R BT.601 weights 0.299 R +
    0.587 G + 0.114 B, full range) with one warning per process. Of a TIFF with several pages the first is read, of a
    radiometric JPEG the sensor's counts instead of the picture. Raises `UnreadableImageError` (an `InputError`) for a
    file that is missing, truncated, not an image, or of another type.
    """
    decoded = decode_image(path)
    if decoded.is_coloured and _is_first_colour():
        warnings.warn(f"{path} is a colour image; it and any others are read as luma (BT.601)", stacklevel=2)
    return decoded.pixels


def _is_first_colour() -> bool:
    global _colour_was_reported
    with _colour_lock:
        first, _colour_was_reported = not _colour_was_reported, True
    return first


def decode_image(path: Path) -> Decoded:
    """Reads an image file like `read_image`, without the warning."""
    values, is_radiometric = _decode(path)
    return Decoded(*_to_gray(values), is_radiometric=is_radiometric)


def read_luma(path: Path) -> Pixels:
    """Reads an image file like `read_image`, but colour as the Y of the literature's PSNR-Y; see `studio_luma`.

    Files of three channels become Y even where the channels are equal, as in MATLAB; files of one channel stay as they
    are. Y is rounded to the type's integers.
    """
    values, _ = _decode(path)
    if values.ndim == 2 or values.shape[2] < 3:
        return _to_gray(values)[0]
    peak = peak_of(values.dtype)
    luma = studio_luma(values[..., 2::-1] * (255 / peak)) * (peak / 255)
    return np.floor(luma + 0.5).astype(values.dtype)


def studio_luma(colours: Pixels) -> Pixels:
    """RGB [..., 3] in 0..255 → luma Y [...] in 16..235, not rounded: ITU-R BT.601, as MATLAB's `rgb2ycbcr`."""
    luma: Pixels = 16 + colours @ np.array([65.481, 128.553, 24.966]) / 255
    return luma


def _decode(path: Path) -> tuple[Pixels, bool]:
    """The file's own values, [H, W] or [H, W, channels] with colours as B, G, R, and whether they are a sensor's."""
    try:
        data = np.fromfile(path, np.uint8)
        counts = sensor_counts(data.tobytes()) if data[:2].tobytes() == _JPEG else None
    except OSError as error:
        raise UnreadableImageError(path, f"can't be read ({error.strerror or error})") from None
    except RadiometricError as error:
        raise UnreadableImageError(path, str(error)) from None
    if counts is not None:
        return counts, True
    # `imdecode` refuses a truncated file; `imread` returns a JPEG whose missing part is silently gray (OpenCV 5.0).
    try:
        decoded: Pixels | None = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    except cv2.error:
        decoded = None
    if decoded is None:
        raise UnreadableImageError(path, "is empty" if not data.size else "is truncated, damaged or not an image")
    if decoded.dtype.name not in _PEAKS:
        raise UnreadableImageError(
            path, f"holds {decoded.dtype.name} values, but 8- or 16-bit unsigned ones are needed"
        )
    return decoded, False


def is_radiometric(path: Path) -> bool:
    """Whether a file is a JPEG of which `read_image` reads the sensor's counts; False for one that can't be read."""
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
    """Writes uint8 or uint16 [H, W] with its bit depth kept; the file appears whole or not at all.

    Raises `InputError` for a suffix that isn't an image's, a format that can't hold 16 bits, or a folder that can't be
    written to.
    """
    suffix = path.suffix.lower()
    if suffix not in IMAGE_SUFFIXES:
        raise InputError(f"{path}: images are written as {', '.join(sorted(IMAGE_SUFFIXES))}, but got {suffix!r}.")
    if pixels.ndim != 2 or pixels.dtype.name not in _PEAKS:
        raise ValueError(f"uint8 or uint16 [H, W] is needed, but got {pixels.dtype} {pixels.shape}.")
    if pixels.dtype == np.uint16 and suffix not in _SIXTEEN_BIT_SUFFIXES:
        raise InputError(f"{path}: {suffix} can't hold 16 bits; use {', '.join(sorted(_SIXTEEN_BIT_SUFFIXES))}.")
    _, encoded = cv2.imencode(suffix, pixels)
    try:
        _replace_file(path, encoded.tobytes())
    except OSError as error:
        raise InputError(f"{path}: can't be written ({error.strerror or error}).") from None


def _replace_file(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def peak_of(dtype: Any) -> int:
    """The largest value of an image type: 255 for uint8, 65535 for uint16. Raises `ValueError` for another type."""
    name = np.dtype(dtype).name
    if name not in _PEAKS:
        raise ValueError(f"uint8 or uint16 is needed, but got {name}.")
    return _PEAKS[name]


def to_tensor(pixels: Pixels) -> Tensor:
    """uint8 or uint16 [H, W] to float32 [1, 1, H, W] in 0..1 (the type's largest value becomes 1)."""
    image = torch.from_numpy(pixels.astype(np.float32)) / peak_of(pixels.dtype)
    return image[None, None]


def to_pixels(image: Tensor, dtype: Any) -> Pixels:
    """Float [..., H, W] with one image in 0..1 to uint8 or uint16 [H, W]: clipped, then rounded half up."""
    values = image.detach().reshape(image.shape[-2:]).float().clamp(0, 1)
    return torch.floor(values * peak_of(dtype) + 0.5).cpu().numpy().astype(dtype)


def resize_bicubic(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Bicubic resize of [N, C, H, W] to `size` (height, width), in float32; values may overshoot 0..1.

    Keys' kernel with a = -0.5, stretched by the scale when shrinking (anti-aliased), as MATLAB's `imresize` and Pillow
    do (Keys 1981, doi:10.1109/TASSP.1981.1163711). Away from the border it equals `imresize` to float precision. Taps
    outside the image are dropped and the others renormalised (as Pillow does), where `imresize` mirrors the image:
    this touches the outer two pixels of a reduced image and the outer 2 x scale - 1 of an enlarged one.
    """
    return F.interpolate(images.float(), size=size, mode="bicubic", align_corners=False, antialias=True)
