"""Upscaling of files: images, videos, folders and patterns."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from nas.data.files.counts import as_counts, from_counts, is_scaled
from nas.data.files.video import Video, video_frames, write_video
from nas.data.files.writing import write_frames
from nas.data.frames import Counts, Frame, frame_metadata, warn_unless_needed
from nas.data.images import Pixels, read_stored, video_luma
from nas.deploy.sources import STACKS, Job, jobs_for
from nas.deploy.throughput import Meter, Throughput
from nas.deploy.upscaler import Upscaler
from nas.errors import InputError, RunError
from nas.files import make_folder
from nas.model import Model
from nas.progress import Progress


class _OfOneFileError(Exception):
    """The fault of a file. The other files of the folder are still upscaled."""

    def __init__(self, error: InputError | RunError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True)
class Upscaled:
    """The written files, and how fast they were upscaled."""

    files: tuple[Path, ...]
    throughput: Throughput


@dataclass(frozen=True)
class _Work:
    """What upscales each frame: the model, the denoiser before it, the measurement of the time, and the progress."""

    enlarge: Upscaler
    denoise: Upscaler | None
    meter: Meter
    progress: Progress | None


def upscale_files(
    model: Model,
    source: str | Path | Sequence[str | Path],
    target: Path,
    *,
    denoiser: Model | None = None,
    tile: int | None = None,
    overlap: int | None = None,
    device: torch.device | str = "cpu",
    overwrite: bool = False,
    progress: Progress | None = None,
    counts: Counts | None = None,
) -> Upscaled:
    """Upscale an image or a video, or all images of folders, patterns or several files, and return what was written.

    All frames of a file are written, with the same type and levels, so a count stays the same temperature. Signed
    integers and floats need a scale, and keep their unit. In a folder, radiometric JPEGs become PNG files, because no
    JPEG holds 16 bits, and headerless files become TIFFs. Each file appears whole or not at all.

    Args:
        model: The model that upscales.
        source: An image file, a video, a folder, a pattern such as `night/*.png`, or several of them.
        target: The file to write, or the folder, in which files keep their (relative) names.
        denoiser: A model of scale 1 that images pass first. Its result is rounded to integers. Without it, a warning
            is given if the model was trained on denoised images.
        tile: Side of a tile in LR pixels; None: chosen for the device and its free memory.
        overlap: See `nas.deploy.tiles.upscale`.
        device: The device to compute on.
        overwrite: Replace files that exist.
        progress: Called with (done, total): the tiles of an image, the frames of a file, or the files of a folder.
        counts: The scale of values that aren't of 8 or 16 bits; None: the scale of the training, or of `images.yaml`.

    Raises:
        InputError: As `jobs_for` does; a single file is unreadable or too small.
        RunError: The memory or the disk does not suffice, or some of several files failed; the others are written.
    """
    enlarge = Upscaler(model, tile=tile, overlap=overlap, device=device)
    denoise = Upscaler(denoiser, tile=tile, device=device) if denoiser else None
    counts = counts or trained_counts(model)
    sources = [source] if isinstance(source, str | Path) else list(source)
    found = jobs_for(sources, target, counts, overwrite)
    warn_unless_needed(counts, (frame for job in found.jobs for frame in job.frames))
    warn_without_denoiser(model, denoiser)
    meter = Meter([enlarge, denoise] if denoise else [enlarge])
    work = _Work(enlarge, denoise, meter, progress if found.is_single else None)
    failed: list[str] = []
    for done, job in enumerate(found.jobs, start=1):
        try:
            _upscale_file(job, work)
        except _OfOneFileError as wrong:
            if found.is_single:
                raise wrong.error from None
            failed.append(str(wrong).removesuffix("."))
        if progress is not None and not found.is_single:
            progress(done, len(found.jobs))
    if failed:
        done, count, reasons = len(found.jobs) - len(failed), len(found.jobs), "; ".join(failed)
        raise RunError(f"{done} of {count} images were written to {target}; not these: {reasons}.")
    return Upscaled(tuple(job.target for job in found.jobs), meter.throughput())


def upscale_values(
    values: Pixels, enlarge: Upscaler, denoise: Upscaler | None, counts: Counts | None, *, name: str = "The image"
) -> Pixels:
    """Upscale an image [H, W] of any type to [scale·H, scale·W] of the same type and unit, as `upscale_files` does.

    Raises InputError where `values` need a scale of `counts` or don't fit it, and as `Upscaler` does.
    """
    result = _enlarged(as_counts(Path(name), values, counts), enlarge, denoise, name)
    return from_counts(result, values.dtype, counts if is_scaled(values.dtype) else None)


def upscale_frame(
    frame: Frame, enlarge: Upscaler, denoise: Upscaler | None = None, progress: Progress | None = None
) -> Pixels:
    """Read and upscale one frame of a file; its type and unit are kept.

    Raises InputError for a frame that is unreadable or too small, RunError when the memory does not suffice.
    """
    pixels, stored = read_stored(frame)
    result = _enlarged(pixels, enlarge, denoise, str(frame.path.with_name(frame.label)), progress)
    return from_counts(result, stored, frame.meaning.counts)


def upscale_video(video: Video, enlarge: Upscaler, denoise: Upscaler | None = None) -> Iterator[Pixels]:
    """Yield the upscaled frames of a video. Warns if it ends earlier than its header says. Raises as `Upscaler`."""
    number = 0
    for number, frame in enumerate(video_frames(video), start=1):
        pixels = video_luma(frame, video.path)
        yield _enlarged(pixels, enlarge, denoise, f"{video.path}#{number}")
    if number < video.announced:
        warnings.warn(f"{video.path} ends after {number} of {video.announced} frames; these are upscaled", stacklevel=2)


def trained_counts(model: Model) -> Counts | None:
    """Return the scale of float and signed images in a model's training; None if there was none."""
    trained = model.recipe.get("counts")
    return Counts.model_validate(trained) if trained else None


def warn_without_denoiser(model: Model, denoiser: Model | None) -> None:
    """Warn if a model was trained on denoised images and no denoiser is given."""
    missing = model.recipe.get("denoiser")
    if denoiser is None and missing:
        warnings.warn(f"the model was trained on images denoised by {missing}; give --denoise {missing}", stacklevel=3)


def _enlarged(
    pixels: Pixels, enlarge: Upscaler, denoise: Upscaler | None, name: str, progress: Progress | None = None
) -> Pixels:
    clean = denoise(pixels, name=name) if denoise else pixels
    return enlarge(clean, name=name, progress=progress)


def _upscale_file(job: Job, work: _Work) -> None:
    if job.error is not None:
        raise _OfOneFileError(job.error)
    frames = _of_video(job.video, work) if job.video else (_upscaled(frame, work) for frame in job.frames)
    try:
        make_folder(job.target.parent)
        if job.video is None:
            scale = work.enlarge.scale
            write_frames(job.target, frames, len(job.frames), lambda number: frame_metadata(job.frames[number], scale))
        elif job.target.suffix.lower() in STACKS:
            write_frames(job.target, frames, max(1, job.video.announced))
        else:
            write_video(job.target, frames, job.video.rate)
    except InputError as error:  # the format can't hold the result
        raise _OfOneFileError(error) from None


def _upscaled(frame: Frame, work: _Work) -> Pixels:
    """Read and upscale one frame of a file. Raises _OfOneFileError."""
    try:
        with work.meter.image():
            result = upscale_frame(frame, work.enlarge, work.denoise, work.progress if frame.count == 1 else None)
    except (InputError, RunError) as error:
        raise _OfOneFileError(error) from None
    if work.progress is not None and frame.count > 1:
        work.progress(frame.index + 1, frame.count)
    return work.meter.count(result)


def _of_video(video: Video, work: _Work) -> Iterator[Pixels]:
    """Upscale the frames of a video. Raises _OfOneFileError."""
    frames, done = upscale_video(video, work.enlarge, work.denoise), 0
    while True:
        try:
            with work.meter.image():
                result = next(frames, None)
        except (InputError, RunError) as error:
            raise _OfOneFileError(error) from None
        if result is None:
            return
        done += 1
        if work.progress is not None:
            work.progress(done, max(done, video.announced))
        yield work.meter.count(result)
