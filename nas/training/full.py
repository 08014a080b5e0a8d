"""Full training of an architecture into a model directory."""

import hashlib
import json
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from nas.data.dataset import Dataset
from nas.errors import InputError
from nas.files import set_aside
from nas.metrics import Measurement, Protocol, bicubic_baseline
from nas.model import IMPORTED, WEIGHTS, Model, load_model
from nas.training.borrowed import borrowed_weights
from nas.training.group import ALONE, Group
from nas.training.logs import LOG, CsvLog, TensorBoardLog, to_all
from nas.training.recipe import Recipe
from nas.training.report import Trained, TrainingListener
from nas.training.teacher import find_teacher
from nas.training.trainer import seed_all, train
from search_spaces import Architecture

STARTED = "started_from"
"""The metric that identifies the weights that a training started from; absent if it started at random."""

BORROWED = "borrowed_weights"
"""The metric with the digests of other networks' weights that a training used; absent if it used none."""

CHECKPOINT = "checkpoint.safetensors"
"""The checkpoint of an unfinished training, in its model directory."""

SKIPPED = "skipped_steps"
"""The metric with the number of steps that were skipped at a plateau; absent if the recipe has no plateau."""

DATA = "data_fingerprint"
"""The metric with the fingerprint of the training and validation images."""


def train_fully(
    architecture: Architecture,
    data: Dataset,
    recipe: Recipe,
    folder: Path,
    *,
    device: torch.device,
    start: Path | None = None,
    listener: TrainingListener | None = None,
    tensorboard: Path | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    group: Group = ALONE,
) -> Model:
    """Train an architecture, write its model directory, and return the model.

    A stopped training continues from its checkpoint. If the same training is finished already, its model is returned at
    once.

    Args:
        architecture: The architecture to train.
        data: The images to train on and to validate on.
        recipe: The recipe, for this device.
        folder: The model directory. Its `log.csv` has a row for each report.
        device: The device to train on.
        start: A model directory of the same architecture, whose weights the training starts from; None: random weights.
        listener: Receives reports, too.
        tensorboard: The folder for TensorBoard's event files; None: no such files.
        should_stop: Asked before each step; True writes a checkpoint and raises TrainingStoppedError.
        group: The processes that train the network together. All make the same call, and the main process writes.

    Raises:
        InputError: `start`, or a model that the recipe names, can't be read or is `folder` itself.
        TrainingDivergedError: The loss became NaN or far too large.
        TrainingStoppedError: `should_stop` returned True.
    """
    if start is not None and start.resolve() == folder.resolve():
        raise InputError(f"{folder} can't be trained into itself; copy it to a folder of another name first.")
    # The stored recipe gets the numbers of the normalisation, which a user of the model needs.
    recipe = recipe.seeing(data.normalisation)
    if recipe.teacher is not None and find_teacher(recipe.teacher).resolve() == folder.resolve():
        raise InputError(f"{folder} can't be its own teacher, which it would replace; copy it to another folder first.")
    protocol = Protocol.of(data.validation, recipe.validation_crop)
    checkpoint = folder / CHECKPOINT
    origin = _origin(start)
    if group.from_main(group.is_main and is_trained(folder, architecture, recipe, protocol, origin, data.fingerprint)):
        checkpoint.unlink(missing_ok=True)
        return load_model(folder)
    if group.is_main:
        _set_damaged_aside(folder)
    # Other start weights give another seed, so a checkpoint of a training with other start weights is refused.
    seed = architecture.seed + recipe.seed + (int(origin["sha256"][:7], 16) if origin else 0)
    seed_all(seed)
    network = architecture.build() if start is None else load_model(start).network.train()
    trained = train(
        network,
        data,
        recipe,
        seed=seed,
        device=device,
        checkpoint=checkpoint,
        listener=_all_listeners(folder, data, listener, tensorboard) if group.is_main else None,
        should_stop=should_stop,
        group=group,
    )
    bicubic = bicubic_baseline(data.validation, recipe.validation_crop)
    metrics = _metrics(trained, bicubic, protocol, device, group)
    metrics[DATA] = data.fingerprint
    if recipe.plateau is not None:
        metrics[SKIPPED] = trained.skipped
    metrics |= {name: value for name, value in ((STARTED, origin), (BORROWED, borrowed_weights(recipe))) if value}
    model = Model(architecture, network.cpu().eval(), recipe.model_dump(mode="json"), metrics)
    if group.is_main:
        model.save(folder)
        checkpoint.unlink(missing_ok=True)
        return load_model(folder)
    return model


def _set_damaged_aside(folder: Path) -> None:
    """Rename weights that can't be read, since the training overwrites the file."""
    weights = folder / WEIGHTS
    if not weights.is_file():
        return
    try:
        load_model(folder)
    except InputError as error:
        kept = set_aside(weights)
        warnings.warn(
            f"the model in {folder} is damaged; {weights.name} is kept as {kept}, and it is trained again ({error})",
            stacklevel=2,
        )


def _all_listeners(
    folder: Path, data: Dataset, listener: TrainingListener | None, tensorboard: Path | None
) -> TrainingListener:
    """Return a listener that passes reports to the logs and to the caller's `listener`."""
    events = TensorBoardLog(tensorboard, data.validation) if tensorboard else None
    return to_all(CsvLog(folder / LOG), events, listener)


def _metrics(
    trained: Trained, bicubic: Measurement, protocol: Protocol, device: torch.device, group: Group
) -> dict[str, Any]:
    """Return the content of `metrics.json`: what was measured, how and on which device."""
    return {
        "psnr": trained.validation.psnr,
        "ssim": trained.validation.ssim,
        "bicubic_psnr": bicubic.psnr,
        "bicubic_ssim": bicubic.ssim,
        "protocol": protocol.to_dict(),
        "steps": trained.steps,
        "train_seconds": trained.train_seconds,
        "validation_seconds": trained.validation_seconds,
        "curve": trained.curve,
        "device": device.type,
        "threads": torch.get_num_threads(),
        "processes": group.size,
    }


def _origin(start: Path | None) -> dict[str, Any] | None:
    """Return the name and digest of the start weights, and where these came from; None without start weights."""
    if start is None:
        return None
    model = load_model(start)
    earlier = {name: value for name, value in {**model.recipe, **model.metrics}.items() if name in (IMPORTED, STARTED)}
    digest = hashlib.sha256((start / WEIGHTS).read_bytes()).hexdigest()
    return {"model": start.resolve().name, "sha256": digest, **earlier}


def is_finished(
    architecture: Architecture, data: Dataset, recipe: Recipe, folder: Path, *, start: Path | None = None
) -> bool:
    """Tell whether `train_fully` with these arguments is finished. Raises InputError if `start` can't be read."""
    if not (folder / WEIGHTS).is_file():
        return False
    recipe = recipe.seeing(data.normalisation)
    protocol = Protocol.of(data.validation, recipe.validation_crop)
    return is_trained(folder, architecture, recipe, protocol, _origin(start), data.fingerprint)


def identity(architecture: Architecture, data: Dataset, recipe: Recipe, *, start: Path | None = None) -> dict[str, Any]:
    """Return plain data that is equal for equal trainings only. Raises InputError if `start` can't be read."""
    recipe = recipe.seeing(data.normalisation)
    return {
        "architecture": architecture.fingerprint,
        "recipe": recipe.model_dump(mode="json", exclude={"denoiser"}),  # the protocol has its digest
        "protocol": Protocol.of(data.validation, recipe.validation_crop).to_dict(),
        DATA: data.fingerprint,
        STARTED: _origin(start),
        BORROWED: borrowed_weights(recipe),
    }


def is_trained(
    folder: Path,
    architecture: Architecture,
    recipe: Recipe,
    protocol: Protocol,
    origin: Mapping[str, Any] | None = None,
    data: str | None = None,
) -> bool:
    """Tell whether `folder` holds this architecture, trained by this recipe and measured by this protocol.

    `origin` identifies the start weights. `data` is the fingerprint of the images; None: any images. A model that can't
    be read counts as not trained.
    """
    if not (folder / WEIGHTS).is_file():  # weights are written last, so the directory is complete if they are there
        return False
    try:
        model = load_model(folder)
    except InputError:
        return False
    # The protocol has the digest of the denoiser's weights.
    fields = {name: value for name, value in model.recipe.items() if name != "denoiser"}
    same_recipe = json.dumps(fields) == json.dumps(recipe.model_dump(mode="json", exclude={"denoiser"}))
    same_protocol = model.metrics.get("protocol") == protocol.to_dict()
    same_origin = model.metrics.get(STARTED) == origin
    same_borrowed = model.metrics.get(BORROWED, {}) == borrowed_weights(recipe)
    same_network = model.architecture.fingerprint == architecture.fingerprint
    same_data = data is None or model.metrics.get(DATA, data) == data
    return same_network and same_recipe and same_protocol and same_origin and same_borrowed and same_data
