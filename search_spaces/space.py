"""What a search space promises, and the registry of all of them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

from torch import nn

from search_spaces.registry import Registry, unknown_name

Choice = bool | int | float | str
Choices = Mapping[str, Choice]


class SpaceError(ValueError):
    """A space can't build what was asked of it; the message is one sentence that says what it can build."""


class Trial(Protocol):
    """The part of an Optuna trial that a space asks; `optuna.Trial` and `optuna.trial.FixedTrial` satisfy it."""

    def suggest_categorical(self, name: str, choices: Sequence[Any], /) -> Any:
        """Return one of `choices`."""

    def suggest_int(self, name: str, low: int, high: int, /, *, step: int = 1) -> int:
        """Return an integer in low..high on the grid of `step`."""


@dataclass(frozen=True)
class Published:
    """A hand-made (or once found) network as a point of a space, with what its paper says of it.

    Parameters are a plain count, multiply-adds (`macs`) are for `at`; a figure that was never published is None.
    """

    choices: Choices
    source: str
    params: int | None = None
    macs: int | None = None
    at: str = "x2, HR 1280x720"
    note: str = ""


class SearchSpace(ABC):
    """A family of networks, its choices and its published points."""

    name: ClassVar[str]
    scales: ClassVar[tuple[int, ...]] = (2, 3, 4)
    channels: ClassVar[tuple[int, ...]] = (1, 3)
    minimum_side: ClassVar[int] = 1
    """The smallest height and width of an input, in pixels."""
    published: ClassVar[Mapping[str, Published]] = {}
    smallest: ClassVar[Choices]
    """The choices of the cheapest network, against which a budget is checked before a search."""
    pinned: ClassVar[Choices] = {}
    """Choices that a search holds fixed unless its user frees them."""

    @abstractmethod
    def suggest(self, trial: Trial) -> Choices:
        """Ask `trial` for every choice; the names asked for are the same for every trial."""

    @abstractmethod
    def network(self, choices: Choices, scale: int, channels: int) -> nn.Module:
        """Return the network of these choices: [N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""

    def canonical(self, choices: Choices) -> Choices:
        """Return `choices` with each that has no effect set to one fixed value, so that equal networks hash equal."""
        return choices

    def build(self, choices: Choices, scale: int, channels: int) -> nn.Module:
        """Check what is asked, then return the network. Deterministic given the torch seed.

        Raises SpaceError for a scale, a channel count, or choices that the space can't build.
        """
        if scale not in self.scales:
            raise SpaceError(f"The space '{self.name}' builds scales {list(self.scales)}, not {scale}.")
        if channels not in self.channels:
            raise SpaceError(f"The space '{self.name}' builds {list(self.channels)} channels, not {channels}.")
        self.check(choices)
        return self.network(choices, scale, channels)

    def check(self, choices: Choices) -> None:
        """Raise SpaceError unless `choices` names every choice of the space, no other, with a value it may take."""
        allowed = self.parameters()
        for name in choices:
            if name not in allowed:
                raise SpaceError(str(unknown_name(f"choice of the space '{self.name}'", name, dict(allowed))))
        for name, values in allowed.items():
            if name not in choices:
                raise SpaceError(f"The architecture of space '{self.name}' lacks the choice '{name}'.")
            # bool is an int in Python, but `skip: 1` in a file would hash unlike `skip: true`.
            if not any(choices[name] == v and type(choices[name]) is type(v) for v in values):
                raise SpaceError(f"The choice '{name}' may be one of {list(values)}, not {choices[name]!r}.")

    def parameters(self) -> Mapping[str, tuple[Choice, ...]]:
        """Return every choice's name and the values it may take, in the order they are asked."""
        recorder = _Recorder()
        self.suggest(recorder)
        return recorder.values


class _Recorder:
    """A trial that answers with the first value and remembers what it was asked."""

    def __init__(self) -> None:
        self.values: dict[str, tuple[Choice, ...]] = {}

    def suggest_categorical(self, name: str, choices: Sequence[Choice], /) -> Choice:
        self.values[name] = tuple(choices)
        return choices[0]

    def suggest_int(self, name: str, low: int, high: int, /, *, step: int = 1) -> int:
        self.values[name] = tuple(range(low, high + 1, step))
        return low


SPACES: Registry[SearchSpace] = Registry("space", package="search_spaces", entry_points="nas.search_spaces")

Space = TypeVar("Space", bound=type[SearchSpace])


def register(space: Space) -> Space:
    """Class decorator: make a space known under its name."""
    SPACES.add(space.name, space())
    return space
