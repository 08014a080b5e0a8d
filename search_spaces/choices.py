"""What can be chosen in a space, and how a trial is asked for it."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from search_spaces.documents import shown

Choice = bool | int | float | str
Choices = Mapping[str, Choice]

Values = range | tuple[Choice, ...]
"""The values that a choice may take: a range is ordered and asked as an integer, a tuple is a set of categories."""


class SpaceError(ValueError):
    """A space can't build what was asked of it; the message is one sentence that says what it can build."""


class Trial(Protocol):
    """The part of an Optuna trial that a space asks; `optuna.Trial` and `optuna.trial.FixedTrial` satisfy it."""

    def suggest_categorical(self, name: str, choices: Sequence[Any], /) -> Any:
        """Return one of `choices`."""

    def suggest_int(self, name: str, low: int, high: int, /, *, step: int = 1) -> int:
        """Return an integer in low..high on the grid of `step`."""


def may_be(values: Values) -> str:
    """Return what a choice may be, in words."""
    if isinstance(values, range) and len(values) > 8:
        steps = f" in steps of {values.step}" if values.step > 1 else ""
        return f"may be {values[0]} to {values[-1]}{steps}"
    return f"may be one of {shown(list(values))}"


def ask(trial: Trial, name: str, values: Values) -> Choice:
    """Return what `trial` chooses: a range is asked as an integer, a tuple as a category."""
    if isinstance(values, range):
        return trial.suggest_int(name, values[0], values[-1], step=values.step)
    return cast(Choice, trial.suggest_categorical(name, values))
