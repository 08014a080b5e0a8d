"""The files of recipes: those that come with the package, and those of users."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch

from nas.errors import InputError
from search_spaces.documents import DocumentError, read_yaml
from search_spaces.registry import unknown_name

SHIPPED = Path(__file__).parent / "recipes"
"""The recipes that come with the package, one YAML file each."""


def read_recipe_file(name: str) -> object:
    """Return the content of a shipped recipe or of a user's file, completed by the fields of its `base`.

    Raises InputError for an unknown name, and for a file that can't be read.
    """
    shipped = _shipped()
    path = shipped.get(name) or Path(name)
    if not path.is_file():
        raise InputError(str(unknown_name("recipe", name, dict(shipped))))
    return _read(path)


def for_device(value: object, device: torch.device) -> object:
    """Replace `{cpu: …, cuda: …}` at any depth by the value for `device`."""
    if isinstance(value, Mapping):
        if "cpu" in value:
            return value.get(device.type, value["cpu"])
        return {name: for_device(part, device) for name, part in value.items()}
    if isinstance(value, list):
        return [for_device(part, device) for part in value]
    return value


def _shipped() -> dict[str, Path]:
    return {path.stem: path for path in SHIPPED.glob("*.yaml")}


def _read(path: Path) -> object:
    """Return the content of a file, completed by the fields of its `base`."""
    try:
        data: Any = read_yaml(path)
    except DocumentError as error:
        raise InputError(str(error)) from None
    if not isinstance(data, dict) or "base" not in data:
        return data
    base = _shipped().get(str(data.pop("base")))
    if base is None:
        raise InputError(f"{path}: 'base' must name a shipped recipe: {', '.join(sorted(_shipped()))}.")
    beneath = cast(dict[str, Any], _read(base))
    if "stages" in beneath and "stages" not in data:
        # The stages of the base must not override what the user sets for all steps.
        held = [field for field in ("batch", "patch") if field in data]
        beneath["stages"] = [{n: v for n, v in stage.items() if n not in held} for stage in beneath["stages"]]
    return {**beneath, **data}
