"""Upscaling of files and folders of images."""

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from nas.data.files.counts import as_counts, from_counts, is_scaled
from nas.data.files.writing import WRITTEN, check_target, write_frames
from nas.data.folder import image_files, in_words, no_image
from nas.data.frames import Counts, Frame, frames_in, meaning_for, warn_unless_needed
from nas.data.images import Pixels, UnreadableImageError, is_radiometric, read_stored
from nas.deploy.upscaler import Upscaler
from nas.errors import InputError, RunError
from nas.files import make_folder
from nas.model import Model
from nas.progress import Progress


@dataclass(frozen=True)
class _Job:
    """A file to upscale: its frames or its fault, and the file to write."""

    target: Path
    frames: tuple[Frame, ...] = ()
    error: InputError | None = None


class _OfOneFileError(Exception):
    """The fault of a file. The other files of the folder are still upscaled."""

    def __init__(self, error: InputError | RunError) -> None:
        super().__init__(str(error))
        self.error = error


def upscale_files(
    model: Model,
    source: Path,
    target: Path,
    *,
    denoiser: Model | None = None,
    tile: int | None = None,
    overlap: int | None = None,
    device: torch.device | str = "cpu",
    overwrite: bool = False,
    progress: Progress | None = None,
    counts: Counts | None = None,
) -> list[Path]:
    """Upscale an image file, or all images below a folder, and return the written paths.

    All frames of a file are written, with the same type and levels, so a count stays the same temperature. Signed
    integers and floats need a scale, and keep their unit. In a folder, radiometric JPEGs become PNG files, because no
    JPEG holds 16 bits, and headerless files become TIFFs; their other data is not copied. Each file appears whole or
    not at all.

    Args:
        model: The model that upscales.
        source: An image file, or a folder.
        target: The file to write, or the folder, in which files keep their relative names.
        denoiser: A model of scale 1 that images pass first. Its result is rounded to integers. Without it, a warning
            is given if the model was trained on denoised images.
        tile: See `nas.deploy.tiles.upscale`.
        overlap: See `nas.deploy.tiles.upscale`.
        device: The device to compute on.
        overwrite: Replace files that exist.
        progress: Called with (done, total): the tiles of an image, the frames of a file, or the files of a folder.
        counts: The scale of values that aren't of 8 or 16 bits; None: the scale of the training, or of `images.yaml`.

    Raises:
        InputError: The source is missing or has no images; the target exists, is of the wrong kind, lies within the
            source or can't hold the result; the file is unreadable or too small.
        RunError: The memory or the disk does not suffice, or some files of a folder failed; the others are written.
    """
    enlarge = Upscaler(model, tile=tile, overlap=overlap, device=device)
    denoise = Upscaler(denoiser, tile=tile, device=device) if denoiser else None
    counts = counts or trained_counts(model)
    jobs = list(_jobs(source, target, counts))
    _refuse_collisions(source, jobs, overwrite)
    warn_unless_needed(counts, (frame for job in jobs for frame in job.frames))
    warn_without_denoiser(model, denoiser)
    failed: list[str] = []
    for done, job in enumerate(jobs, start=1):
        try:
            _upscale_file(job, enlarge, denoise, progress if source.is_file() else None)
        except _OfOneFileError as wrong:
            if source.is_file():
                raise wrong.error from None
            failed.append(str(wrong).removesuffix("."))
        if progress is not None and source.is_dir():
            progress(done, len(jobs))
    if failed:
        raise RunError(
            f"{len(jobs) - len(failed)} of {len(jobs)} images were written to {target}; not these: {'; '.join(failed)}."
        )
    return [job.target for job in jobs]


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


def _upscale_file(job: _Job, enlarge: Upscaler, denoise: Upscaler | None, progress: Progress | None) -> None:
    if job.error is not None:
        raise _OfOneFileError(job.error)
    make_folder(job.target.parent)
    frames = (_upscaled(frame, enlarge, denoise, progress) for frame in job.frames)
    try:
        write_frames(job.target, frames, len(job.frames))
    except InputError as error:  # the format can't hold the result
        raise _OfOneFileError(error) from None


def _upscaled(frame: Frame, enlarge: Upscaler, denoise: Upscaler | None, progress: Progress | None) -> Pixels:
    """Read and upscale one frame of a file. Raises _OfOneFileError."""
    try:
        result = upscale_frame(frame, enlarge, denoise, progress if frame.count == 1 else None)
    except (InputError, RunError) as error:
        raise _OfOneFileError(error) from None
    if progress is not None and frame.count > 1:
        progress(frame.index + 1, frame.count)
    return result


def _jobs(source: Path, target: Path, counts: Counts | None) -> Iterator[_Job]:
    """Yield the files to read, each with the file to write. Raises InputError as `upscale_files` does."""
    if source.is_file():
        if target.is_dir():
            raise InputError(f"{target} is a folder, but the source is a file; name the file to write.")
        if target.suffix.lower() not in WRITTEN:
            raise InputError(f"{target}: images are written as {', '.join(WRITTEN)}, but got {target.suffix!r}.")
        job = _job(source, target, source.parent, counts)
        if job.error is not None:
            raise job.error
        check_target(target, len(job.frames), np.dtype(np.uint8))  # the real type is known when a frame is read
        yield job
    elif source.is_dir():
        if target.exists() and not target.is_dir():
            raise InputError(f"{target} is a file, but the source is a folder; name a folder to write to.")
        if target.resolve().is_relative_to(source.resolve()):
            raise InputError(f"The target {target} lies within the source {source}; name a folder outside of it.")
        files = image_files(source)
        if not files.images:
            raise no_image(files)
        if files.left_out:
            warnings.warn(f"{source}: not used are {in_words(files.left_out)}", stacklevel=4)
        for path in sorted(files.images):
            yield _job(path, _renamed(path, target / path.relative_to(source)), source, counts)
    else:
        raise InputError(f"There is no file or folder '{source}'.")


def _job(path: Path, target: Path, root: Path, counts: Counts | None) -> _Job:
    """Read the header of a file."""
    meaning = meaning_for(path, root, counts)
    try:
        return _Job(target, frames_in(path, meaning))
    except UnreadableImageError as error:
        return _Job(target, error=error)


def _renamed(path: Path, target: Path) -> Path:
    if path.suffix.lower() == ".raw":
        return target.with_suffix(".tif")
    return target.with_suffix(".png") if is_radiometric(path) else target


def _refuse_collisions(source: Path, jobs: Sequence[_Job], overwrite: bool) -> None:
    """Raise InputError if two files have the same target, or if targets exist and `overwrite` is False."""
    targets = Counter(job.target for job in jobs)
    if len(targets) < len(jobs):
        raise InputError(f"Two images of {source} would both be written to {targets.most_common(1)[0][0]}.")
    existing = [job.target for job in jobs if job.target.exists()]
    if existing and not overwrite:
        others = f" (and {len(existing) - 1} others of {len(jobs)})" if len(existing) > 1 else ""
        raise InputError(f"{existing[0]}{others} exists; give --overwrite to replace it.")
