"""The base class of all search spaces, and the registry that holds them."""

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Protocol, TypeVar

from torch import Tensor, nn

from search_spaces.choices import Choice, Choices, SpaceError, Trial, Values, ask, may_be
from search_spaces.documents import shown
from search_spaces.part import Part
from search_spaces.published import STUDIO_LUMA, Published, TrainedLuma
from search_spaces.registry import SPACE_ENTRY_POINTS, SPACE_PACKAGE, Registry, unknown_name


class SeedFamily(Protocol):
    """Networks of one design in many sizes. A search starts with those of them that lie near its budget."""

    def sizes(self) -> Iterator[tuple[str, Choices]]:
        """Yield the networks with their sizes in words, e.g. `x4, 16 ch`."""


class SearchSpace(ABC):
    """A family of networks, its choices and its published points."""

    name: ClassVar[str]
    summary: ClassVar[str]
    """One line that describes the space in tables."""
    scales: ClassVar[tuple[int, ...]] = (2, 3, 4)
    channels: ClassVar[tuple[int, ...]] = (1, 3)
    minimum_side: ClassVar[int] = 1
    """The smallest height and width of an input, in pixels."""
    options: ClassVar[Mapping[str, Values]]
    """Every choice and its values, in the order in which a trial is asked. Every combination must be a valid network.
    """
    published: ClassVar[Mapping[str, Published]] = {}
    seed_families: ClassVar[Mapping[str, SeedFamily]] = {}
    """Designs that a search scales to its budget, by their names."""
    luma: ClassVar[TrainedLuma] = STUDIO_LUMA
    """The luma of a colour image that published one-channel weights expect. Three-channel weights take the colour
    image."""
    smallest: ClassVar[Choices]
    """The choices of the cheapest network. A search compares its budget with that network's cost before it starts."""
    pinned: ClassVar[Choices] = {}
    """Choices that a search holds fixed unless its user frees them."""
    later: ClassVar[Choices] = {}
    """Choices that the space got later, each with the value of the networks that were described without it. A network
    with these values has the fingerprint that it had before."""
    authors_names: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Rules (pattern, replacement) that turn the authors' tensor names into ours; see `translate`."""

    def suggest(self, trial: Trial) -> Choices:
        """Ask `trial` for every choice. Every trial is asked for the same names."""
        return {name: ask(trial, name, values) for name, values in self.options.items()}

    @abstractmethod
    def network(self, choices: Choices, scale: int, channels: int) -> nn.Module:
        """Return the network of these choices: [N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""

    def canonical(self, choices: Choices) -> Choices:
        """Return `choices` with a fixed value for every choice without effect, so that equal networks hash equal."""
        return choices

    def completed(self, choices: Choices) -> Choices:
        """Return `choices` with those that the space got after they were written."""
        missing = {name: value for name, value in self.later.items() if name not in choices}
        return {**choices, **missing} if missing else choices

    def count(self) -> int:
        """Return the number of distinct architectures of the space, for a single scale and channel count.

        A space that overrides `canonical` must override this too, since several choices are then one architecture.
        """
        return math.prod(len(values) for values in self.parameters().values())

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part] | None:
        """Return parts whose costs add up to the cost of the network; None if it must be counted as a whole."""
        return None

    def translate(self, state: Mapping[str, Tensor], scale: int, channels: int) -> dict[str, Tensor]:
        """Return the tensors of an authors' checkpoint under our names.

        The rules of `authors_names` are applied to each name in their order, as `re.sub` does; `{scale}` in a rule
        stands for the scale. A tensor whose name becomes empty is left out.
        """
        rules = [(a.replace("{scale}", str(scale)), b.replace("{scale}", str(scale))) for a, b in self.authors_names]
        translated = {}
        for name, tensor in state.items():
            for pattern, replacement in rules:
                name = re.sub(pattern, replacement, name)
            if name:
                translated[name] = tensor
        return translated

    def build(self, choices: Choices, scale: int, channels: int) -> nn.Module:
        """Check the arguments, then return the network. Deterministic for a given torch seed.

        Raises SpaceError for a scale, a channel count, or choices that the space can't build.
        """
        if scale not in self.scales:
            raise SpaceError(f"The space '{self.name}' builds scales {list(self.scales)}, not {shown(scale)}.")
        if channels not in self.channels:
            raise SpaceError(f"The space '{self.name}' builds {list(self.channels)} channels, not {shown(channels)}.")
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
                raise SpaceError(f"The choice '{name}' {may_be(self.options[name])}, not {shown(choices[name])}.")

    def parameters(self) -> Mapping[str, tuple[Choice, ...]]:
        """Return every choice and the values it may take, in the order in which a trial is asked."""
        return {name: tuple(values) for name, values in self.options.items()}


SPACES: Registry[SearchSpace] = Registry("space", package=SPACE_PACKAGE, entry_points=SPACE_ENTRY_POINTS)

Space = TypeVar("Space", bound=type[SearchSpace])


def register(space: Space) -> Space:
    """Register a space under its name (a class decorator)."""
    SPACES.add(space.name, space())
    return space
