"""The choices of a space: their values, how a trial is asked for them, and how a family reads them with types."""

from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol, TypeVar, get_type_hints

from search_spaces.documents import shown

Choice = bool | int | float | str
Choices = Mapping[str, Choice]

Values = range | tuple[Choice, ...]
"""The values that a choice may take: a range is ordered and asked as an integer, a tuple is a set of categories."""


class SpaceError(ValueError):
    """A space can't build what was asked for. The message is one sentence that says what the space can build."""


class Trial(Protocol):
    """The part of an Optuna trial that a space uses; `optuna.Trial` and `optuna.trial.FixedTrial` satisfy it."""

    def suggest_categorical(self, name: str, choices: Sequence[Any], /) -> Any:
        """Return one of `choices`."""

    def suggest_int(self, name: str, low: int, high: int, /, *, step: int = 1) -> int:
        """Return an integer in low..high on the grid of `step`."""


def may_be(values: Values) -> str:
    """Return in words which values a choice may take."""
    if isinstance(values, range) and len(values) > 8:
        steps = f" in steps of {values.step}" if values.step > 1 else ""
        return f"may be {values[0]} to {values[-1]}{steps}"
    return f"may be one of {shown(list(values))}"


def ask(trial: Trial, name: str, values: Values) -> Choice:
    """Return the value that `trial` chooses: a range is asked as an integer, a tuple as a category."""
    if isinstance(values, range):
        return trial.suggest_int(name, values[0], values[-1], step=values.step)
    chosen: Choice = trial.suggest_categorical(name, values)
    return chosen


Fields = TypeVar("Fields")


def read_choices(kind: type[Fields], choices: Choices, prefix: str = "") -> Fields:
    """Return flat choices as `kind`, a frozen dataclass whose fields are named like the choices without the prefix.

        @dataclass(frozen=True)
        class Size:
            image_skip: bool
            width: int

        read_choices(Size, {"image_skip": False, "width": 8, "depth": 3}).width  # 8, an int for mypy too

    Choices that `kind` has no field for are ignored. By convention, the dataclass of a family
    has a field for every choice, also for `image_skip`. The choices of a cell (`cell3.width`) have their own dataclass.

    Raises TypeError for a field whose choice is missing or has another type (`True` is no int). The choices of an
    architecture are checked before a network is built, so only a mistake in a space's own code raises it.
    """
    make: Any = kind  # mypy can't call a type that it doesn't know
    values = {}
    for name, expected in _field_types(make).items():
        value = choices.get(prefix + name)
        if type(value) is not expected:
            raise TypeError(f"The choice '{prefix}{name}' must be of type {expected.__name__}, not {shown(value)}.")
        values[name] = value
    return make(**values)


@lru_cache
def _field_types(kind: Hashable) -> Mapping[str, type]:
    return get_type_hints(kind)
