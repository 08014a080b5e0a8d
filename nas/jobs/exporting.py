"""Exports with an int8 file, which needs images."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch

from nas.data.dataset import Dataset, open_dataset
from nas.data.files.meaning import Counts
from nas.data.normalisation import Normalisation
from nas.deploy.conversion import write_calibration
from nas.deploy.denoising import as_denoiser
from nas.deploy.export import INT8, ONNX, Exported
from nas.deploy.export import export as export_model
from nas.deploy.form import Form
from nas.deploy.int8_loss import Int8Loss
from nas.errors import InputError, RunError
from nas.jobs.int8 import calibration_images, write_int8
from nas.model import Model
from search_spaces.documents import shortened

Kind = Literal["residual", "full"]
KINDS: dict[str, bool] = {"residual": False, "full": True}
"""Kind of int8 → whether the image path is quantised, too."""


@dataclass(frozen=True)
class Wanted:
    """What is wanted of int8."""

    kind: str | None
    """`residual` or `full`; None: only the inputs with which the compiler of a chip calibrates."""
    data: Path
    """The folder of images that calibrate and measure it."""

    @classmethod
    def of(cls, kind: str | None, data: str | Path | None) -> "Wanted | None":
        """Return what is wanted; None for no int8. Raises InputError for a kind without images, or an unknown kind."""
        if kind is not None and kind not in KINDS:
            raise InputError(f"Int8 is {' or '.join(KINDS)}, not '{kind}'.")
        if kind is not None and data is None:
            raise InputError("Int8 needs images to calibrate and measure it; give --data DIR.")
        return None if data is None else cls(kind, Path(data))


def export(model: Model, target: Path, form: Form, wanted: Wanted | None, results: Path) -> Exported:
    """Export a model as `nas.deploy.export` does, with an int8 file if one is wanted.

    `results` holds the cache of images. Raises InputError as `open_dataset` and `nas.deploy.export.export` do.
    """
    if wanted is None:
        return export_model(model, target, form)
    data = images_of(model, wanted.data, results)
    losses: list[Int8Loss] = []

    def write(folder: Path) -> None:
        if wanted.kind is not None:
            losses.append(write_int8(model, form, folder / ONNX, folder / INT8, data, whole=KINDS[wanted.kind]))
        if form.target and form.target.quantisation == "images":
            write_calibration(folder, calibration_images(data.train, form))

    done = export_model(model, target, form, write)
    return replace(done, int8=losses[0] if losses else None)


def images_of(model: Model, folder: Path, results: Path) -> Dataset:
    """Open a folder of images as a model's training opened its images. Raises InputError as `open_dataset` does."""
    recipe = model.recipe
    counts = recipe.get("counts")
    return open_dataset(
        folder,
        scale=model.architecture.scale,
        cache=results / "cache",
        degradation=recipe.get("degradation", "bicubic"),
        denoiser=as_denoiser(recipe.get("denoiser"), torch.device("cpu")),
        normalisation=Normalisation.stored(recipe),
        counts=Counts.model_validate(counts) if counts else None,
    )


def parse_loss(text: str, int8: str | None) -> float:
    """Read `0.1dB` as dB. Raises InputError for anything else, and if no int8 file is asked for."""
    match = re.fullmatch(r"(\d{1,3}(?:\.\d+)?)\s*dB", text.strip(), re.ASCII | re.IGNORECASE)
    if match is None:
        raise InputError(f"'{shortened(text)}' is not a loss; write it as 0.1dB.")
    if int8 is None:
        raise InputError("--check measures int8; give --int8 residual or --int8 full, too.")
    return float(match[1])


def check_loss(loss: Int8Loss, most: float) -> None:
    """Raise RunError if int8 costs more dB than `most`."""
    if loss.psnr > most:
        raise RunError(f"Int8 costs {loss.psnr:.3f} dB, more than the accepted {most:g} dB.")
