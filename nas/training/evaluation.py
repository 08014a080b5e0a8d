"""Measuring trained models on a folder of images, all by one protocol."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import torch

from nas.data.dataset import open_images
from nas.data.degradation import label_of
from nas.data.image_set import ImageSet
from nas.deploy.denoising import as_denoiser
from nas.errors import InputError
from nas.metrics import Measurement, Protocol, baseline_name, bicubic_baseline, measure
from nas.model import Model, load_model

Progress = Callable[[int, int], None]
T = TypeVar("T")


def evaluate(model: Model, images: ImageSet, device: torch.device, progress: Progress | None = None) -> Measurement:
    """Measure a model on whole images: gray, rounded to the integer range, shaved by the scale."""
    network = model.network.to(device).eval()
    return measure(lambda lr: network(lr.to(device)).float().cpu(), images, progress=progress)


def compare(
    folders: Sequence[Path],
    images: Path,
    cache: Path,
    device: torch.device,
    progress: Progress | None = None,
    *,
    degradation: str | None = None,
    denoiser: str | None = None,
) -> tuple[list[tuple[str, Measurement]], Protocol]:
    """Measure bicubic interpolation, at scale 1 the input itself, and the models in `folders` on a folder's images.

    The LR images are made by `degradation` and pass `denoiser`, a model directory; by default as they were for the
    models' training. Raises InputError when the models have different scales, or were trained on images that were made
    differently and nothing is given, which no one protocol covers.
    """
    models = {str(folder): load_model(folder) for folder in folders}
    for name, model in models.items():
        if (channels := model.architecture.channels) != 1:
            raise InputError(
                f"Images are of one channel, but {name} takes {channels}; a published network is imported for one "
                "channel with --to-gray."
            )
    scale = _common("scales", [model.architecture.scale for model in models.values()])
    # Imported weights don't say what they were trained on.
    usual = "bicubic" if scale > 1 else "noise"
    if degradation is None:
        found = [model.recipe.get("degradation", usual) for model in models.values()]
        degradation = _common("degradations", found, "; name one by --degradation, or")
    if denoiser is None:
        found = [model.recipe.get("denoiser") for model in models.values()]
        denoiser = _common("denoisers", found, "; name one by --denoise, or")
    opened = open_images(
        images, scale=scale, cache=cache, degradation=degradation, denoiser=as_denoiser(denoiser, device)
    )
    rows = [(baseline_name(scale), bicubic_baseline(opened))]
    rows += [(name, evaluate(model, opened, device, progress)) for name, model in models.items()]
    return rows, Protocol.of(opened)


def _common(kind: str, values: Sequence[T], advice: str = ";") -> T:
    """Return what all models share."""
    distinct = [value for index, value in enumerate(values) if value not in values[:index]]
    if len(distinct) > 1:
        named = ", ".join(_label(value) for value in distinct)
        raise InputError(f"The models have different {kind} ({named}){advice} evaluate them apart.")
    return distinct[0]


def _label(value: object) -> str:
    return label_of(value) if isinstance(value, Mapping) else "none" if value is None else str(value)
