"""Upscaling with a network: images of any size in tiles without a seam, and files and folders of images."""

import copy
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from nas.data.files.counts import from_counts
from nas.data.files.writing import WRITTEN, check_target, write_frames
from nas.data.folder import image_files, in_words, no_image
from nas.data.frames import Counts, Frame, frames_in, meaning_for
from nas.data.images import Pixels, UnreadableImageError, is_radiometric, read_stored
from nas.data.levels import Levels
from nas.data.normalisation import FURTHEST, Normalisation
from nas.errors import InputError, RunError
from nas.files import make_folder
from nas.model import Model
from nas.progress import Progress
from search_spaces import SPACES
from search_spaces.layers.collapsible import fused

TILE = 256
"""Height and width of a tile in LR pixels, without its overlap."""

GRID = 16
"""Tiles start at multiples of this, so that strides and attention windows fall as they do in the whole image."""

PROBE_LENGTH = 512
"""Longer side of the image that the receptive field is measured on, in LR pixels."""


@dataclass(frozen=True)
class Span:
    """One side of a tile, in LR pixels: what the network reads, and the part of it whose result is kept."""

    read_start: int
    read_stop: int
    keep_start: int
    keep_stop: int


def spans(length: int, tile: int, overlap: int) -> list[Span]:
    """Cut `length` pixels into spans that keep `tile` pixels each, rounded up to `GRID`, and together all of them.

    Each reads `overlap` pixels more on both sides, rounded up to `GRID`, but never beyond the image, so that zero
    padding acts exactly where it does in the whole image. The tile grows to twice the overlap where it is smaller.
    """
    overlap = _on_grid(overlap)
    step = max(_on_grid(tile), 2 * overlap)
    starts = range(0, length, step)
    stops = [min(start + step, length) for start in starts]
    return [
        Span(max(0, start - overlap), min(length, stop + overlap), start, stop)
        for start, stop in zip(starts, stops, strict=True)
    ]


def _on_grid(size: int) -> int:
    return -(-size // GRID) * GRID


@torch.no_grad()
def receptive_radius(network: nn.Module, scale: int, channels: int = 1) -> int | None:
    """Return how far, in LR pixels, an output pixel may depend on the input; None when on the whole image.

    Measured, so it holds for any mixture of layers, functional ones and attention too: a block of NaN, `GRID` pixels
    wide, spreads over exactly the output pixels that depend on it, whatever the weights are (0 · NaN = NaN). The result
    is at least 2, which is what bicubic interpolation reaches. None is also returned beyond 248 pixels.
    """
    network = copy.deepcopy(network).cpu().float().eval()
    return _larger(_reach(network, scale, channels, across=True), _reach(network, scale, channels, across=False))


def _larger(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else max(a, b, 2)


def _reach(network: nn.Module, scale: int, channels: int, *, across: bool) -> int | None:
    """Return how far a block of NaN spreads along one axis of a long, thin image; None when to the image's border."""
    image = torch.zeros(1, channels, GRID, PROBE_LENGTH)
    start = _on_grid(PROBE_LENGTH // 2 - GRID)
    stop = start + GRID
    image[..., start:stop] = torch.nan
    output = network(image if across else image.mT)
    touched = (output if across else output.mT).isnan().any(dim=-2).flatten(0, 1).any(dim=0).nonzero()
    if len(touched) == 0:
        return 0
    first, last = int(touched[0]) // scale, int(touched[-1]) // scale
    return None if first == 0 or last == PROBE_LENGTH - 1 else max(start - first, last - stop + 1)


@torch.no_grad()
def upscale(
    network: nn.Module,
    image: Tensor,
    scale: int,
    *,
    tile: int | None = TILE,
    overlap: int | None = None,
    device: torch.device | str = "cpu",
    progress: Progress | None = None,
) -> Tensor:
    """[1, C, H, W] as the network sees it → float32 [1, C, scale·H, scale·W] on the CPU, as the network gives it.

    `tile` (LR pixels without overlap; None: the whole image at once) bounds the memory. `overlap` (LR pixels) is by
    default the receptive radius, with which the result equals the untiled one to rounding (that of the coordinates of
    the image skip at scale 3 grows with the image: about 1e-5 for 150 columns); a network that depends on the whole
    image is not tiled unless an overlap is given. The network is moved to `device`, in evaluation mode.
    Raises InputError for a tile below 1 or a negative overlap, RunError when the memory does not suffice.
    """
    if tile is not None and tile < 1:
        raise InputError(f"A tile must be at least 1 LR pixel, not {tile}.")
    if overlap is not None and overlap < 0:
        raise InputError(f"An overlap must be at least 0 LR pixels, not {overlap}.")
    network = network.to(device).eval()
    height, width = image.shape[-2:]
    if tile is not None and overlap is None and max(height, width) > _on_grid(tile):
        overlap = receptive_radius(network, scale, image.shape[1])
        tile = None if overlap is None else tile
    if tile is None:
        tile, overlap = max(height, width), 0
    result = torch.empty(1, image.shape[1], scale * height, scale * width)
    tiles = [
        (rows, columns) for rows in spans(height, tile, overlap or 0) for columns in spans(width, tile, overlap or 0)
    ]
    for done, (rows, columns) in enumerate(tiles, start=1):
        _upscale_tile(network, image, result, scale, rows, columns, torch.device(device))
        if progress is not None:
            progress(done, len(tiles))
    return result


def _upscale_tile(
    network: nn.Module, image: Tensor, result: Tensor, scale: int, rows: Span, columns: Span, device: torch.device
) -> None:
    """Write one tile of `image` into `result`."""
    part = image[..., rows.read_start : rows.read_stop, columns.read_start : columns.read_stop]
    try:
        # TF32, the default of convolutions on newer GPUs, has 10 bits of precision: too few for 16-bit images.
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            output = network(part.to(device, torch.float32))
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
            height, width = part.shape[-2:]
            raise RunError(
                f"The memory does not suffice for a tile of {width}x{height}; give a smaller --tile, which helps "
                "unless the network depends on the whole image."
            ) from None
        raise
    inner = output[..., _kept(rows, scale), _kept(columns, scale)]
    result[..., _target(rows, scale), _target(columns, scale)] = inner.float().cpu()


def _kept(span: Span, scale: int) -> slice:
    return slice(scale * (span.keep_start - span.read_start), scale * (span.keep_stop - span.read_start))


def _target(span: Span, scale: int) -> slice:
    return slice(scale * span.keep_start, scale * span.keep_stop)


class Upscaler:
    """A model made ready for images of files: one channel, integer pixels in and out, tiled as `upscale` does.

    Raises InputError for a model of several channels.
    """

    def __init__(
        self, model: Model, *, tile: int | None = TILE, overlap: int | None = None, device: torch.device | str = "cpu"
    ) -> None:
        self._architecture = model.architecture
        if model.architecture.channels != 1:
            raise InputError(f"Images are upscaled as one channel, but the model takes {self._architecture.channels}.")
        self._normalisation, self._warned = Normalisation.stored(model.recipe), False
        self._network = fused(copy.deepcopy(model.network))
        self._tile, self._overlap, self._device = tile, overlap, device

    @cached_property
    def _radius(self) -> int | None:
        return receptive_radius(self._network, self._architecture.scale)

    def __call__(self, pixels: Pixels, *, name: str = "The image", progress: Progress | None = None) -> Pixels:
        """Upscale uint8 or uint16 [H, W] to [scale·H, scale·W] of the same type and the same levels.

        Raises InputError, with the `name` in it, for an image that is smaller than the network takes; RunError when the
        memory does not suffice.
        """
        space, (height, width) = SPACES.get(self._architecture.space), pixels.shape
        if min(height, width) < space.minimum_side:
            raise InputError(
                f"{name} has {width}x{height} pixels, but a network of the space '{space.name}' needs at least "
                f"{space.minimum_side} a side."
            )
        tile, overlap = self._tile, self._overlap
        if tile is not None and overlap is None and max(height, width) > _on_grid(tile):
            overlap = self._radius
            tile = None if overlap is None else tile
        levels = self._normalisation.levels(pixels)
        image = levels.tensor(pixels)
        self._warn_of_misfit(image, levels, name)
        result = upscale(
            self._network,
            image,
            self._architecture.scale,
            tile=tile,
            overlap=overlap,
            device=self._device,
            progress=progress,
        )
        return levels.integers(result[0, 0]).numpy().astype(pixels.dtype)

    def _warn_of_misfit(self, image: Tensor, levels: Levels, name: str) -> None:
        """Say once that images are of quite other levels than those the network was trained on."""
        middle = float(image.median())
        if not self._warned and not -FURTHEST <= middle <= 1 + FURTHEST:
            self._warned = True
            warnings.warn(
                f"{name} lies around the level {levels.integers(image.median()):.0f}, but the model was trained on "
                f"{levels.low:g} to {levels.high:g}",
                stacklevel=4,
            )


@dataclass(frozen=True)
class _Job:
    """A file to upscale: its frames, or what is wrong with it, and the file to write."""

    target: Path
    frames: tuple[Frame, ...] = ()
    error: InputError | None = None


class _OfOneFileError(Exception):
    """What is wrong with one file of a folder, so that the others are upscaled."""

    def __init__(self, error: InputError | RunError) -> None:
        super().__init__(str(error))
        self.error = error


def upscale_files(
    model: Model,
    source: Path,
    target: Path,
    *,
    denoiser: Model | None = None,
    tile: int | None = TILE,
    overlap: int | None = None,
    device: torch.device | str = "cpu",
    overwrite: bool = False,
    progress: Progress | None = None,
    counts: Counts | None = None,
) -> list[Path]:
    """Upscale an image file to a file, or every image below a folder to the same relative name below another.

    With a `denoiser`, which is a model of scale 1, each image passes it first, and is rounded to its integer range as
    if it had been written to a file between; a note reminds of it when the model was trained so and none is given.

    All frames of a file are written. The type is kept, and the levels with it, so that a count stays a temperature:
    8 and 16 bits, and where `counts`, the model's training or an `images.yaml` give a scale, signed integers and
    floats in their unit. In a folder radiometric JPEGs become PNG files, since no JPEG holds 16 bits, and headerless
    files TIFFs; their other data stay behind.

    Each file appears whole or not at all. Returns the written paths. `progress` counts the tiles of an image, the
    frames of a file, or the files of a folder. Raises InputError for a missing source, a folder without images, a
    target that exists (unless `overwrite`), is of the wrong kind, lies within the source or can't hold what is to be
    written, and for a file that is unreadable or too small; RunError when the memory or the disk does not suffice.
    Of a folder the good files are written before RunError names the bad ones.
    """
    enlarge = Upscaler(model, tile=tile, overlap=overlap, device=device)
    denoise = Upscaler(denoiser, tile=tile, device=device) if denoiser else None
    if counts is None and (trained := model.recipe.get("counts")):
        counts = Counts.model_validate(trained)
    jobs = list(_jobs(source, target, counts))
    _refuse_collisions(source, jobs, overwrite)
    if denoiser is None and (missing := model.recipe.get("denoiser")):
        warnings.warn(f"the model was trained on images denoised by {missing}; give --denoise {missing}", stacklevel=2)
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


def _upscale_file(job: _Job, enlarge: Upscaler, denoise: Upscaler | None, progress: Progress | None) -> None:
    if job.error is not None:
        raise _OfOneFileError(job.error)
    make_folder(job.target.parent)
    frames = (_upscaled(frame, enlarge, denoise, progress) for frame in job.frames)
    try:
        write_frames(job.target, frames, len(job.frames))
    except InputError as error:  # the format can't hold it
        raise _OfOneFileError(error) from None


def _upscaled(frame: Frame, enlarge: Upscaler, denoise: Upscaler | None, progress: Progress | None) -> Pixels:
    """Read and upscale one frame. Raises _OfOneFileError."""
    name, of_tiles = str(frame.path.with_name(frame.label)), progress if frame.count == 1 else None
    try:
        pixels, stored = read_stored(frame)
        clean = denoise(pixels, name=name) if denoise else pixels
        result = enlarge(clean, name=name, progress=of_tiles)
    except (InputError, RunError) as error:
        raise _OfOneFileError(error) from None
    if progress is not None and frame.count > 1:
        progress(frame.index + 1, frame.count)
    return from_counts(result, stored, frame.meaning.counts)


def _jobs(source: Path, target: Path, counts: Counts | None) -> Iterator[_Job]:
    """Yield each file to read and the one to write. Raises InputError as `upscale_files` says."""
    if source.is_file():
        if target.is_dir():
            raise InputError(f"{target} is a folder, but the source is a file; name the file to write.")
        if target.suffix.lower() not in WRITTEN:
            raise InputError(f"{target}: images are written as {', '.join(WRITTEN)}, but got {target.suffix!r}.")
        job = _job(source, target, source.parent, counts)
        if job.error is not None:
            raise job.error
        check_target(target, len(job.frames), np.dtype(np.uint8))  # the type shows itself when a frame is read
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
    """Raise InputError where two files have one target, or, unless `overwrite`, where targets exist."""
    targets = Counter(job.target for job in jobs)
    if len(targets) < len(jobs):
        raise InputError(f"Two images of {source} would both be written to {targets.most_common(1)[0][0]}.")
    existing = [job.target for job in jobs if job.target.exists()]
    if existing and not overwrite:
        others = f" (and {len(existing) - 1} others of {len(jobs)})" if len(existing) > 1 else ""
        raise InputError(f"{existing[0]}{others} exists; give --overwrite to replace it.")
