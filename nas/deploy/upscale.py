"""Upscaling of files and folders of images."""

import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import torch

from nas.data.images import IMAGE_SUFFIXES, is_radiometric, read_image, write_image
from nas.deploy.tiles import TILE, Upscaler
from nas.errors import InputError
from nas.model import Model
from nas.progress import Progress


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
) -> list[Path]:
    """Upscale an image file to a file, or every image below a folder to the same relative name below another.

    With a `denoiser`, which is a model of scale 1, each image passes it first, and is rounded to its integer range as
    if it had been written to a file between; a note reminds of it when the model was trained so and none is given.

    The bit depth (8 or 16) is kept, and the levels with it, so that a count stays a temperature. The radiometric JPEGs
    of a folder become PNG files, since no JPEG holds 16 bits; their other data stay behind.

    Each file appears whole or not at all. Returns the written paths. `progress` counts the tiles of a file, or the
    images of a folder. Raises InputError for a missing source, a folder without images, a target that exists (unless
    `overwrite`), is of the wrong kind, lies within the source or has no image suffix, and for an unreadable or too
    small image; RunError when the memory does not suffice.
    """
    enlarge = Upscaler(model, tile=tile, overlap=overlap, device=device)
    denoise = Upscaler(denoiser, tile=tile, device=device) if denoiser else None
    pairs = list(_pairs(source, target))
    if len(targets := Counter(path for _, path in pairs)) < len(pairs):
        raise InputError(f"Two images of {source} would both be written to {targets.most_common(1)[0][0]}.")
    if not overwrite and (existing := next((path for _, path in pairs if path.exists()), None)):
        raise InputError(f"{existing} exists; give --overwrite to replace it.")
    if denoiser is None and (missing := model.recipe.get("denoiser")):
        warnings.warn(f"the model was trained on images denoised by {missing}; give --denoise {missing}", stacklevel=2)
    for done, (path, written) in enumerate(pairs, start=1):
        pixels = read_image(path)
        of_tiles = progress if source.is_file() else None
        clean = denoise(pixels, name=str(path)) if denoise else pixels
        result = enlarge(clean, name=str(path), progress=of_tiles)
        written.parent.mkdir(parents=True, exist_ok=True)
        write_image(written, result)
        if progress is not None and of_tiles is None:
            progress(done, len(pairs))
    return [path for _, path in pairs]


def _pairs(source: Path, target: Path) -> Iterator[tuple[Path, Path]]:
    """Yield each image to read and the path to write it to. Raises InputError as `upscale_files` says."""
    if source.is_file():
        if target.is_dir():
            raise InputError(f"{target} is a folder, but the source is a file; name the file to write.")
        if target.suffix.lower() not in IMAGE_SUFFIXES:
            raise InputError(f"{target}: images are written as {', '.join(sorted(IMAGE_SUFFIXES))}.")
        yield source, target
    elif source.is_dir():
        if target.exists() and not target.is_dir():
            raise InputError(f"{target} is a file, but the source is a folder; name a folder to write to.")
        if target.resolve().is_relative_to(source.resolve()):
            raise InputError(f"The target {target} lies within the source {source}; name a folder outside of it.")
        images = sorted(p for p in source.rglob("*") if p.is_file() and p.suffix.lower() in IMAGE_SUFFIXES)
        if not images:
            raise InputError(f"{source} holds no image ({', '.join(sorted(IMAGE_SUFFIXES))}).")
        for path in images:
            written = target / path.relative_to(source)
            yield path, written.with_suffix(".png") if is_radiometric(path) else written
    else:
        raise InputError(f"There is no file or folder '{source}'.")
