"""Full training of an architecture into a model directory."""

import json
from collections.abc import Callable
from pathlib import Path

import torch

from nas.data.dataset import Dataset
from nas.metrics import Protocol, bicubic_baseline
from nas.model import WEIGHTS, Model, load_model
from nas.training.recipe import Recipe
from nas.training.trainer import Listener, seed_all, train
from search_spaces import Architecture


def train_fully(
    architecture: Architecture,
    data: Dataset,
    recipe: Recipe,
    folder: Path,
    *,
    device: torch.device,
    listener: Listener | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Model:
    """Train `architecture` by `recipe` and write the model directory `folder`, which is returned.

    Goes on from its checkpoint when it was stopped, and returns at once when this very training was finished before.
    Raises TrainingDivergedError and TrainingStoppedError.
    """
    protocol = Protocol.of(data.validation, recipe.validation_crop)
    checkpoint = folder / "checkpoint.safetensors"
    if is_trained(folder, architecture, recipe, protocol):
        checkpoint.unlink(missing_ok=True)
        return load_model(folder)
    seed = architecture.seed + recipe.seed
    seed_all(seed)
    network = architecture.build()
    trained = train(
        network,
        data,
        recipe,
        seed=seed,
        device=device,
        checkpoint=checkpoint,
        listener=listener,
        should_stop=should_stop,
    )
    bicubic = bicubic_baseline(data.validation, recipe.validation_crop)
    metrics = {
        "psnr": trained.validation.psnr,
        "ssim": trained.validation.ssim,
        "bicubic_psnr": bicubic.psnr,
        "bicubic_ssim": bicubic.ssim,
        "protocol": protocol.to_dict(),
        "steps": trained.steps,
        "train_seconds": trained.train_seconds,
        "validation_seconds": trained.validation_seconds,
        "curve": trained.curve,
    }
    Model(architecture, network, recipe.model_dump(mode="json"), metrics).save(folder)
    checkpoint.unlink(missing_ok=True)
    return load_model(folder)


def is_trained(folder: Path, architecture: Architecture, recipe: Recipe, protocol: Protocol) -> bool:
    """Tell whether `folder` holds this architecture, trained by this recipe and measured by this protocol."""
    if not (folder / WEIGHTS).is_file():  # written last: without them the directory is not complete
        return False
    model = load_model(folder)
    same_recipe = json.dumps(model.recipe) == json.dumps(recipe.model_dump(mode="json"))
    same_protocol = model.metrics.get("protocol") == protocol.to_dict()
    return model.architecture.fingerprint == architecture.fingerprint and same_recipe and same_protocol
