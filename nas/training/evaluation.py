"""Measuring trained models on a folder of images, all by one protocol."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from nas.data.dataset import open_images
from nas.data.image_set import ImageSet
from nas.errors import InputError
from nas.metrics import Measurement, Protocol, bicubic_baseline, measure
from nas.model import Model, load_model

Progress = Callable[[int, int], None]


def evaluate(model: Model, images: ImageSet, device: torch.device, progress: Progress | None = None) -> Measurement:
    """Measure a model on whole images: gray, rounded to the integer range, shaved by the scale."""
    network = model.network.to(device).eval()
    return measure(lambda lr: network(lr.to(device)).float().cpu(), images, progress=progress)


def compare(
    folders: Sequence[Path], images: Path, cache: Path, device: torch.device, progress: Progress | None = None
) -> tuple[list[tuple[str, Measurement]], Protocol]:
    """Measure bicubic interpolation and the models in `folders` on the images in a folder.

    Raises InputError when the models have different scales, which no one protocol covers.
    """
    models = {str(folder): load_model(folder) for folder in folders}
    scales = {model.architecture.scale for model in models.values()}
    if len(scales) > 1:
        raise InputError(
            f"The models have different scales ({', '.join(map(str, sorted(scales)))}); evaluate them apart."
        )
    opened = open_images(images, scale=scales.pop(), cache=cache)
    rows = [("bicubic", bicubic_baseline(opened))]
    rows += [(name, evaluate(model, opened, device, progress)) for name, model in models.items()]
    return rows, Protocol.of(opened)
