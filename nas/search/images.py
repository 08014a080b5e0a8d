"""The images of a search, a ranking, a table or a full training, prepared as the recipe says."""

import os
from pathlib import Path

import torch

from nas.data.dataset import Dataset, open_dataset
from nas.data.normalisation import Normalisation
from nas.deploy.denoising import as_denoiser
from nas.errors import InputError
from nas.model import RESULTS
from nas.progress import Progress
from nas.search.settings import Settings
from nas.training.recipe import Recipe


def remembered(folder: str | None, run: str) -> str | None:
    """Return the folder of a run's images. Raises InputError if the folder is missing."""
    if folder and not Path(folder).is_dir():
        raise InputError(f"The images of the run '{run}' are no longer in {folder}; give their folder with --data DIR.")
    return folder


def images_of(settings: Settings, folder: Path) -> str | None:
    """Return the folder of the images of the run in `folder`; None for the embedded synthetic set.

    If a whole project was moved, its images lie where they lay before as seen from the run. Raises InputError if the
    images are in neither place.
    """
    if settings.data and settings.place and not Path(settings.data).is_dir():
        moved = Path(os.path.normpath(folder.resolve() / os.path.relpath(settings.data, settings.place)))
        if moved.is_dir():
            return str(moved)
    return remembered(settings.data, settings.run)


def open_for(
    recipe: Recipe,
    folder: str | None,
    *,
    scale: int,
    device: torch.device,
    results: Path = RESULTS,
    normalisation: Normalisation | None = None,
    least_patch: int = 0,
    skip_bad: bool = False,
    progress: Progress | None = None,
) -> Dataset:
    """Open the images in a user's folder, with the degradation, denoiser, counts and normalisation of `recipe`.

    Args:
        folder: The folder; None: the embedded synthetic set.
        normalisation: In place of the recipe's normalisation.
        least_patch: Smallest side of the LR images in pixels, beside the recipe's patches.

    Raises:
        InputError: As `open_dataset` does.
    """
    return open_dataset(
        Path(folder) if folder else None,
        scale=scale,
        cache=results / "cache",
        degradation=recipe.degradation,
        counts=recipe.counts,
        denoiser=as_denoiser(recipe.denoiser, device),
        normalisation=normalisation or recipe.normalisation,
        skip_bad=skip_bad,
        min_lr_side=max(least_patch, recipe.largest_patch),
        progress=progress,
    )
