"""A model directory: an architecture with its trained weights, recipe and measurements, on its own."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from nas.errors import InputError
from search_spaces import Architecture, SpaceError, UnknownNameError

ARCHITECTURE, WEIGHTS, RECIPE, METRICS = "architecture.yaml", "weights.safetensors", "recipe.yaml", "metrics.json"

RESULTS = Path("results")
"""Where everything is written: one folder a run, the decoded images in `cache`, and networks in `TRAINED`."""

TRAINED = "trained"
"""The folder of the model directories that `nas train` wrote, in a run's folder or in `RESULTS`."""

IMPORTED = "imported_from"
"""The one field of an imported model's recipe: the published point and the file that its weights are from."""


@dataclass(frozen=True)
class Model:
    """A trained network with what is known of it."""

    architecture: Architecture
    network: nn.Module
    """On the CPU, in evaluation mode."""
    recipe: Mapping[str, Any]
    """The fields of the recipe it was trained by, or where its weights were imported from."""
    metrics: Mapping[str, Any]
    """What was measured, each figure with its protocol."""

    def save(self, folder: Path) -> None:
        """Write the four files of a model directory, each atomically and the weights last.

        Old weights are removed first, so that a kill never leaves weights beside another training's files.
        """
        texts = {
            ARCHITECTURE: self.architecture.to_yaml(),
            RECIPE: yaml.safe_dump(dict(self.recipe), sort_keys=False),
            METRICS: json.dumps(self.metrics, indent=2) + "\n",
        }
        folder.mkdir(parents=True, exist_ok=True)
        (folder / WEIGHTS).unlink(missing_ok=True)
        for name, text in texts.items():
            write_atomic(folder / name, text)
        tensors = {name: t.detach().cpu().contiguous() for name, t in self.network.state_dict().items()}
        partial = folder / (WEIGHTS + ".partial")
        save_file(tensors, partial, {"fingerprint": self.architecture.fingerprint})
        partial.chmod(0o644)  # safetensors writes for the owner alone
        partial.replace(folder / WEIGHTS)


def load_model(folder: Path) -> Model:
    """Read a model directory. Raises InputError naming the file that is missing, unreadable or doesn't fit."""
    if not folder.is_dir():
        raise InputError(f"There is no model directory '{folder}'.")
    for name in (ARCHITECTURE, WEIGHTS, RECIPE, METRICS):
        if not (folder / name).is_file():
            raise InputError(f"The model directory '{folder}' lacks {name}.")
    try:
        architecture = Architecture.read(folder / ARCHITECTURE)
        network = architecture.build()
    except (SpaceError, UnknownNameError) as error:
        raise InputError(str(error)) from None
    try:
        network.load_state_dict(load_file(folder / WEIGHTS))
    except (SafetensorError, RuntimeError, OSError):
        raise InputError(f"The weights in {folder / WEIGHTS} don't fit the architecture beside them.") from None
    return Model(architecture, network.eval(), _mapping(folder / RECIPE), _mapping(folder / METRICS))


def _mapping(path: Path) -> Mapping[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        data = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (yaml.YAMLError, OSError, ValueError) as error:
        raise InputError(f"{path} can't be read: {str(error).splitlines()[0]}.") from None
    if not isinstance(data, Mapping):
        raise InputError(f"{path} must hold a mapping of names to values.")
    return data


def is_model(folder: Path) -> bool:
    """Tell whether `folder` looks like a model directory."""
    return folder.is_dir() and any((folder / name).is_file() for name in (ARCHITECTURE, WEIGHTS))


def write_atomic(path: Path, text: str, *, private: bool = False) -> None:
    """Write a text file so that a kill leaves the old one or the new one; a `private` one is for its owner alone."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=path.name, delete=False, encoding="utf-8") as file:
        file.write(text)
    if not private:
        Path(file.name).chmod(0o644)
    Path(file.name).replace(path)
