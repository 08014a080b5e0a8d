"""Upscaling of arrays and image files for the Python API."""

from pathlib import Path

import numpy as np

from nas.data.files.counts import is_scaled
from nas.data.frames import Counts, frames_in, meaning_for
from nas.data.images import Pixels
from nas.deploy.upscale import upscale_frame, upscale_values
from nas.deploy.upscaler import Upscaler
from nas.errors import InputError

Upscalers = tuple[Upscaler, Upscaler | None]
"""The upscaler, and the denoiser before it."""


def upscale_image(image: Pixels | str | Path, upscalers: Upscalers, counts: Counts | None) -> Pixels:
    """Return an upscaled array, [H, W] or [N, H, W], or the upscaled frames of a file. Raises InputError."""
    if isinstance(image, np.ndarray):
        return _upscale_array(image, upscalers, counts)
    path = Path(image)
    if not path.is_file():
        raise InputError(f"There is no file '{path}'.")
    frames = [upscale_frame(frame, *upscalers) for frame in frames_in(path, meaning_for(path, path.parent, counts))]
    return frames[0] if len(frames) == 1 else np.stack(frames)


def _upscale_array(image: Pixels, upscalers: Upscalers, counts: Counts | None) -> Pixels:
    if image.ndim not in (2, 3) or 0 in image.shape:
        raise InputError(f"An image is an array [height, width] or [frames, height, width], not {list(image.shape)}.")
    if image.dtype.kind not in "iuf" or (counts is None and is_scaled(image.dtype) and image.dtype.name != "int16"):
        raise InputError(
            f"An image is an array of uint8 or uint16, not {image.dtype.name}; other numbers need counts=(scale, "
            "offset), where value = offset + scale x count of 0 to 65535."
        )
    if image.ndim == 2:
        return upscale_values(image, *upscalers, counts)
    return np.stack([upscale_values(frame, *upscalers, counts) for frame in image])
