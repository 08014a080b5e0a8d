"""A model directory: an architecture with its trained weights, recipe and measurements."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from nas.errors import InputError
from nas.files import make_folder, write_atomic
from nas.weights import DamagedError, read_tensors, write_tensors
from search_spaces import Architecture, SpaceError, UnknownNameError
from search_spaces.documents import DocumentError, read_json, read_yaml, to_yaml

ARCHITECTURE, WEIGHTS, RECIPE, METRICS = "architecture.yaml", "weights.safetensors", "recipe.yaml", "metrics.json"

RESULTS = Path("results")
"""The folder of all results: a folder for each run, decoded images in `cache`, and networks in `TRAINED`."""

TRAINED = "trained"
"""The folder for model directories of `nas train`, in the folder of a run or in `RESULTS`."""

IMPORTED = "imported_from"
"""The only field in the recipe of an imported model: its published point and the file of its weights."""


@dataclass(frozen=True)
class Model:
    """A trained network with its recipe and measurements."""

    architecture: Architecture
    network: nn.Module
    """On the CPU, in evaluation mode."""
    recipe: Mapping[str, Any]
    """The fields of the recipe of its training, or the origin of imported weights."""
    metrics: Mapping[str, Any]
    """The measured figures, and their protocol."""

    def save(self, folder: Path) -> None:
        """Write the four files of a model directory, each atomically and the weights last.

        Old weights are removed first, so that a kill never leaves weights beside the files of another training.
        """
        texts = {
            ARCHITECTURE: self.architecture.to_yaml(),
            RECIPE: to_yaml(dict(self.recipe)),
            METRICS: json.dumps(self.metrics, indent=2) + "\n",
        }
        make_folder(folder)
        (folder / WEIGHTS).unlink(missing_ok=True)
        for name, text in texts.items():
            write_atomic(folder / name, text)
        tensors = {name: tensor.cpu() for name, tensor in self.network.state_dict().items()}
        write_tensors(folder / WEIGHTS, tensors, {"fingerprint": self.architecture.fingerprint})


def load_model(folder: Path) -> Model:
    """Read a model directory. Raises InputError that names a file which is missing, unreadable or doesn't fit."""
    if not folder.is_dir():
        raise InputError(f"There is no model directory '{folder}'.")
    for name in (ARCHITECTURE, WEIGHTS, RECIPE, METRICS):
        if not (folder / name).is_file():
            raise InputError(f"The model directory '{folder}' lacks {name}; train or import the network again.")
    try:
        architecture = Architecture.read(folder / ARCHITECTURE)
        network = architecture.build()
    except (SpaceError, UnknownNameError) as error:
        raise InputError(str(error)) from None
    try:
        tensors, _ = read_tensors(folder / WEIGHTS)
    except DamagedError as error:
        fault = str(error).removesuffix(".")
        raise InputError(f"The file {fault}; copy it here again, or train or import the network again.") from None
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise InputError(
                f"The weights in {folder / WEIGHTS} are unusable: '{name}' holds values that aren't finite; "
                "train or import the network again."
            )
    try:
        network.load_state_dict(tensors)
    except RuntimeError:
        raise InputError(f"The weights in {folder / WEIGHTS} don't fit the architecture beside them.") from None
    return Model(architecture, network.eval(), _mapping(folder / RECIPE), _mapping(folder / METRICS))


def _mapping(path: Path) -> Mapping[str, Any]:
    try:
        data = read_json(path) if path.suffix == ".json" else read_yaml(path)
    except DocumentError as error:
        raise InputError(str(error)) from None
    if not isinstance(data, Mapping):
        raise InputError(f"{path} must hold a mapping of names to values.")
    return data


def is_model(folder: Path) -> bool:
    """Tell whether `folder` looks like a model directory."""
    return folder.is_dir() and any((folder / name).is_file() for name in (ARCHITECTURE, WEIGHTS))
