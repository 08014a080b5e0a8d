"""Upscaling of arrays and image files for the Python API."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from nas.data.files.counts import is_scaled
from nas.data.files.video import is_video, open_video
from nas.data.frames import Counts, frames_in, meaning_for
from nas.data.images import Pixels
from nas.deploy.streams import FORMATS, streams_as_files
from nas.deploy.throughput import Throughput
from nas.deploy.upscale import upscale_files, upscale_frame, upscale_values, upscale_video
from nas.deploy.upscaler import Upscaler
from nas.errors import InputError
from nas.model import Model
from nas.progress import Progress

Upscalers = tuple[Upscaler, Upscaler | None]
"""The upscaler, and the denoiser before it."""


class UpscaledFiles(list[Path]):
    """The paths of the written files, with the speed of the upscaling.

    Example:
        >>> done = nas.load("camera").upscale_files("images/val", "fast", overwrite=True)
        >>> len(done), done.throughput.images
        (2, 2)
    """

    def __init__(self, files: Sequence[Path], throughput: Throughput) -> None:
        super().__init__(files)
        self.throughput = throughput
        """Images a second, megapixels a second, and the median of the milliseconds of an image."""


@dataclass(frozen=True)
class Stages:
    """The model, the denoiser before it, and how they are computed."""

    model: Model
    denoiser: Model | None
    tile: int | None
    device: torch.device


def upscale_all(
    source: str | Path | Sequence[str | Path],
    target: str | Path,
    stages: Stages,
    chosen: str | None,
    counts: Counts | None,
    overwrite: bool,
    progress: Progress | None,
) -> UpscaledFiles:
    """Upscale files, also those of standard input and output. Raises InputError and RunError."""
    if chosen is not None and chosen not in FORMATS:
        raise InputError(f"--format is {' or '.join(FORMATS)}, not '{chosen}'.")
    sources = [source] if isinstance(source, str | Path) else list(source)
    with streams_as_files(sources, target, chosen) as files:
        done = upscale_files(
            stages.model,
            files.sources,
            files.target,
            denoiser=stages.denoiser,
            tile=stages.tile,
            device=stages.device,
            overwrite=overwrite,
            counts=counts,
            progress=progress,
        )
    return UpscaledFiles(done.files, done.throughput)


def upscale_image(image: Pixels | str | Path, upscalers: Upscalers, counts: Counts | None) -> Pixels:
    """Return an upscaled array, [H, W] or [N, H, W], or the upscaled frames of a file. Raises InputError."""
    if isinstance(image, np.ndarray):
        return _upscale_array(image, upscalers, counts)
    path = Path(image)
    if not path.is_file():
        raise InputError(f"There is no file '{path}'.")
    if is_video(path):
        return np.stack(list(upscale_video(open_video(path), *upscalers)))
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
