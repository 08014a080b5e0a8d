"""The folder of a full training: the same folder when the training continues, else a folder that is free.

The folder is named after the network, `ecbsr-M4C8`. If this folder holds another training (another scale, other images,
another recipe, other start weights), the name is `ecbsr-M4C8-x4` for another scale, else `ecbsr-M4C8-2`, `-3`, …
`training.json` in the folder identifies its training from the start, so the same command finds the folder again.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas.data.dataset import Dataset
from nas.errors import RunError
from nas.model import ARCHITECTURE, WEIGHTS
from nas.training.full import CHECKPOINT, identity, is_finished
from nas.training.recipe import Recipe
from search_spaces import Architecture

TRAINING = "training.json"


@dataclass(frozen=True)
class Training:
    """A full training: the architecture, the images, the recipe and the start weights."""

    architecture: Architecture
    data: Dataset
    recipe: Recipe
    start: Path | None = None
    """The model directory of the start weights; None: random weights."""

    def to_dict(self) -> dict[str, Any]:
        """Return the content of `training.json`: the training in words, and a hash that identifies it exactly."""
        content = json.dumps(identity(self.architecture, self.data, self.recipe, start=self.start), sort_keys=True)
        return {
            "scale": self.architecture.scale,
            "recipe": self.recipe.name,
            "steps": self.recipe.steps,
            "images": self.data.name,
            "weights of": None if self.start is None else self.start.resolve().name,
            "identity": hashlib.sha256(content.encode()).hexdigest(),
        }


@dataclass(frozen=True)
class Place:
    """The folder of a training."""

    name: str
    note: str = ""
    """Why the folder has a suffix, if this was decided now; else empty."""


def place(
    folder: Path, name: str, training: Training, taken: Mapping[str, Training], earlier: Sequence[str] = ()
) -> Place:
    """Return the place in `folder` of a training with the name `name`.

    `taken` holds the places of the other trainings of the same command. `earlier` are names under which the same
    training may have begun.
    """
    record = training.to_dict()
    for other, given in taken.items():
        if given.to_dict() == record:
            return Place(other)
    for called in (name, *earlier):
        for existing in _called(folder, called):
            if _is_own(folder / existing, training, record):
                return Place(existing)
    for free in _names(name, training.architecture.scale, _scale_in(folder / name)):
        if free not in taken and not _is_occupied(folder / free):
            return Place(free, _note(folder, name, free, record) if free != name and name not in taken else "")
    raise AssertionError("there is always another number")


def claim(folder: Path, training: Training) -> None:
    """Write `training.json` into the folder of a training. Raises RunError if another training took the folder."""
    record = training.to_dict()
    path = folder / TRAINING
    if _is_own(folder, training, record) and (folder / WEIGHTS).is_file():
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(json.dumps(record, indent=2) + "\n")
    except FileExistsError:
        if _read(folder).get("identity") != record["identity"]:
            raise RunError(f"{folder} was taken by another training just now; give the same command again.") from None
    except OSError as error:
        raise RunError(f"{path} can't be written ({error.strerror or error}).") from None


def _called(folder: Path, name: str) -> list[str]:
    """Return the folders that may belong to `name`, the folder `name` itself first."""
    others = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    return [other for other in others if other == name] + [other for other in others if other.startswith(f"{name}-")]


def _names(name: str, scale: int, scale_there: int | None) -> Iterator[str]:
    yield name
    base = name if scale_there in (scale, None) else f"{name}-x{scale}"
    if base != name:
        yield base
    number = 2
    while True:
        yield f"{base}-{number}"
        number += 1


def _is_own(folder: Path, training: Training, record: Mapping[str, Any]) -> bool:
    if (folder / TRAINING).is_file():
        return bool(_read(folder).get("identity") == record["identity"])
    return is_finished(training.architecture, training.data, training.recipe, folder, start=training.start)


def _is_occupied(folder: Path) -> bool:
    signs: Collection[str] = (ARCHITECTURE, WEIGHTS, CHECKPOINT, TRAINING)
    return folder.is_file() or any((folder / sign).exists() for sign in signs)


def _scale_in(folder: Path) -> int | None:
    """Return the scale of the network in a folder; None if unknown."""
    if scale := _read(folder).get("scale"):
        return int(scale)
    try:
        return Architecture.read(folder / ARCHITECTURE).scale
    except ValueError:
        return None


def _read(folder: Path) -> Mapping[str, Any]:
    try:
        read = json.loads((folder / TRAINING).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}


def _note(folder: Path, name: str, free: str, record: Mapping[str, Any]) -> str:
    there = _read(folder / name)
    words = [f"{key} {there[key] or 'nothing'}" for key in record if key in there and there[key] != record[key]]
    words = [word for word in words if not word.startswith("identity")]
    told = f"another training ({', '.join(words)})" if words else "another training"
    return f"{folder / name} holds {told}; this training goes to {folder / free}."
