"""Degradations by name: those that come with the package, those of plugins, and YAML files of the user."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from torch import Tensor

from nas.data.degradation.pipeline import Degradation, Function, Pipeline
from nas.errors import InputError
from search_spaces.documents import DocumentError, read_yaml
from search_spaces.registry import unknown_name

SHIPPED = {path.stem: path for path in sorted((Path(__file__).parents[1] / "degradations").glob("*.yaml"))}
"""The YAML files of the degradations that come with the package."""

Description = str | Mapping[str, Any] | Degradation
"""A description of a degradation: its name, the path of a YAML file, the content of such a file, or itself."""

_ORIGIN = "degradation"
"""The origin, in error messages, of a description without a file."""

_registered: dict[str, Degradation] = {}


class _Degradations(Mapping[str, Degradation]):
    def __getitem__(self, name: str) -> Degradation:
        return _shipped(name) if name in SHIPPED else _registered[name]

    def __iter__(self) -> Iterator[str]:
        return iter((*SHIPPED, *_registered))

    def __len__(self) -> int:
        return len(SHIPPED) + len(_registered)


DEGRADATIONS: Mapping[str, Degradation] = _Degradations()
"""Name → degradation, for all degradations with a name. YAML files are read on demand."""


def degradation(name: str) -> Callable[[Callable[[Tensor, int], Tensor]], Callable[[Tensor, int], Tensor]]:
    """Decorator that registers a function (HR [N, 1, sH, sW] in 0..1, scale s) → LR [N, 1, H, W] as a degradation.

    An image must not depend on the others, nor differ between two calls, because LR images are made once and kept. The
    result is clipped and rounded to the integers of the image. Raises ValueError if the name is taken.
    """

    def register(function: Callable[[Tensor, int], Tensor]) -> Callable[[Tensor, int], Tensor]:
        if name in DEGRADATIONS:
            raise ValueError(f"The degradation {name!r} is already registered.")
        _registered[name] = Function(name, function)
        return function

    return register


def get_degradation(description: Description) -> Degradation:
    """Return the described degradation. Raises InputError that names what is unknown or wrong."""
    if isinstance(description, Degradation):
        return description
    named = self_contained(description)
    if not isinstance(named, str):
        return Pipeline.parse(named, _ORIGIN)
    if named not in DEGRADATIONS:
        raise InputError(str(unknown_name("degradation", named, dict(DEGRADATIONS))))
    return DEGRADATIONS[named]


def self_contained(description: str | Mapping[str, Any]) -> str | dict[str, Any]:
    """Return a description without the path of a file, as recipes keep it: a name, or `name` and `operations`.

    A file is read. If it has no `name`, the name of the file is used. Raises InputError that names what is unknown or
    wrong. A name is not checked, because it may be that of given LR images.
    """
    if isinstance(description, str) and not _is_path(description):
        return description
    if isinstance(description, str):
        path = Path(description)
        data, origin = {"name": path.stem, **_read(path)}, str(path)
    else:
        data, origin = dict(description), _ORIGIN
    Pipeline.parse(data, origin)
    return data


def name_of(description: Description) -> str:
    """Return the name, also of an unknown degradation. Raises InputError for a wrong description."""
    if isinstance(description, str) and not _is_path(description):
        return description
    return get_degradation(description).name


def label_of(description: Description) -> str:
    """Return the label that measurements carry, or the name of an unknown degradation."""
    if isinstance(description, str) and not _is_path(description) and description not in DEGRADATIONS:
        return description
    return get_degradation(description).label


def _is_path(text: str) -> bool:
    return Path(text).suffix in (".yaml", ".yml")


@cache
def _shipped(name: str) -> Degradation:
    return Pipeline.parse({"name": name, **_read(SHIPPED[name])}, str(SHIPPED[name]), is_shipped=True)


def _read(path: Path) -> dict[str, Any]:
    try:
        data = read_yaml(path)
    except DocumentError as error:
        raise InputError(str(error)) from None
    if not isinstance(data, dict):
        raise InputError(f"{path}: a degradation must be a mapping with the field 'operations'.")
    return data
