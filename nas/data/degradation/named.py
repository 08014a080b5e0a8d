"""Degradations by their names: those that come with the package, those of plugins, and a user's YAML."""

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
"""What may be said where one is needed: a name, the path of a YAML file, what such a file holds, or itself."""

_ORIGIN = "degradation"
"""Where a description comes from that isn't in a file of its own."""

_registered: dict[str, Degradation] = {}


class _Degradations(Mapping[str, Degradation]):
    def __getitem__(self, name: str) -> Degradation:
        return _shipped(name) if name in SHIPPED else _registered[name]

    def __iter__(self) -> Iterator[str]:
        return iter((*SHIPPED, *_registered))

    def __len__(self) -> int:
        return len(SHIPPED) + len(_registered)


DEGRADATIONS: Mapping[str, Degradation] = _Degradations()
"""Every degradation that has a name, by its name; YAML is read when it is asked for."""


def degradation(name: str) -> Callable[[Callable[[Tensor, int], Tensor]], Callable[[Tensor, int], Tensor]]:
    """Decorator that registers a function (HR [N, 1, sH, sW] in 0..1, scale s) → LR [N, 1, H, W] as a degradation.

    One image must not depend on the others, nor differ between two calls: LR images are made once and kept. What the
    function returns is clipped and rounded to the image's integer range. Raises `ValueError` when the name is taken.
    """

    def register(function: Callable[[Tensor, int], Tensor]) -> Callable[[Tensor, int], Tensor]:
        if name in DEGRADATIONS:
            raise ValueError(f"The degradation {name!r} is already registered.")
        _registered[name] = Function(name, function)
        return function

    return register


def get_degradation(description: Description) -> Degradation:
    """The degradation that is described; raises `InputError` naming what is unknown or wrong in it."""
    if isinstance(description, Degradation):
        return description
    told = self_contained(description)
    if not isinstance(told, str):
        return Pipeline.parse(told, _ORIGIN)
    if told not in DEGRADATIONS:
        raise InputError(str(unknown_name("degradation", told, dict(DEGRADATIONS))))
    return DEGRADATIONS[told]


def self_contained(description: str | Mapping[str, Any]) -> str | dict[str, Any]:
    """The same description without the path of a file, as a recipe keeps it: a name, or `name` and `operations`.

    A file is read, and where it says no `name`, its own is it. Raises `InputError` naming what is unknown or wrong;
    but any name will do, since it may be that of LR images that a set brings.
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
    """The name alone, also of one that isn't known. Raises `InputError` where a description is wrong."""
    if isinstance(description, str) and not _is_path(description):
        return description
    return get_degradation(description).name


def label_of(description: Description) -> str:
    """What numbers say they were measured on: the label, or the name of one that isn't known."""
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
