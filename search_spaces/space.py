"""What a search space promises, and the registry of all of them."""

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, TypeVar, cast

from torch import Tensor, nn

from search_spaces.documents import shown
from search_spaces.layers.image_skip import ImageSkip
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
class Claim:
    """What somebody has published of a network; a figure that they don't give is None."""

    source: str
    params: int | None = None
    macs: int | None = None
    """Multiply-adds for `at`."""
    psnr: float | None = None
    """dB on Set5 at `at`'s scale, of the luminance."""
    at: str = "x2, HR 1280x720"
    note: str = ""
    """How a figure was counted where not as we count, or what is wrong with it."""


@dataclass(frozen=True)
class Published:
    """A hand-made (or once found) network as a point of a space, with what is published of it."""

    choices: Choices
    paper: Claim
    article: Claim | None = None
    """The row of the survey of super-resolution for infrared imaging, where it has one."""
    scale: int = 2
    """The scale that its figures are for."""


@dataclass(frozen=True)
class TrainedLuma:
    """Of coloured images, which luma (ITU-R BT.601) the authors' networks of one channel are trained on."""

    range: Literal["full", "studio"]
    """`full` is 0..255 of 8 bits, as JPEG and gray images have it; `studio` is 16..235, as MATLAB's `rgb2ycbcr`."""
    source: str


STUDIO_LUMA = TrainedLuma("studio", "rgb2ycbcr of MATLAB, the custom of networks of one channel since SRCNN")

ARTICLE = "survey of super-resolution for infrared imaging"
"""The source of the claims in `Published.article`; its own measurements are of an LR image of 640x512."""

Values = range | tuple[Choice, ...]
"""The values that a choice may take: a range is ordered and asked as an integer, a tuple is a set of categories."""


@dataclass(frozen=True)
class Part:
    """A piece of a network whose cost does not depend on the rest: costs of parts are counted once and added.

    `build(*args)` makes a module that takes [N, inputs, H', W'], where H' and W' are those of the LR image divided by
    `divisor`, rounded up. `repeats` copies of it are in the network.
    """

    build: Callable[..., nn.Module]
    args: tuple[Choice, ...]
    inputs: int
    divisor: int = 1
    repeats: int = 1
    timed_as: tuple[Choice, ...] | None = None
    """The arguments of this very piece, where `args` are those of one that counts the same but may be faster."""


class SearchSpace(ABC):
    """A family of networks, its choices and its published points."""

    name: ClassVar[str]
    summary: ClassVar[str]
    """What it is, in one line for a table."""
    scales: ClassVar[tuple[int, ...]] = (2, 3, 4)
    channels: ClassVar[tuple[int, ...]] = (1, 3)
    minimum_side: ClassVar[int] = 1
    """The smallest height and width of an input, in pixels."""
    options: ClassVar[Mapping[str, Values]]
    """Every choice with its values, in the order they are asked. Each combination must be a network."""
    published: ClassVar[Mapping[str, Published]] = {}
    luma: ClassVar[TrainedLuma] = STUDIO_LUMA
    """What published weights of one channel are fed of coloured images; those of three are fed the image."""
    smallest: ClassVar[Choices]
    """The choices of the cheapest network, against which a budget is checked before a search."""
    pinned: ClassVar[Choices] = {}
    """Choices that a search holds fixed unless its user frees them."""
    authors_names: ClassVar[tuple[tuple[str, str], ...]] = ()
    """(pattern, replacement) that turn the authors' names of tensors into ours; see `translate`."""

    def suggest(self, trial: Trial) -> Choices:
        """Ask `trial` for every choice; the names asked for are the same for every trial."""
        return {name: _ask(trial, name, values) for name, values in self.options.items()}

    @abstractmethod
    def network(self, choices: Choices, scale: int, channels: int) -> nn.Module:
        """Return the network of these choices: [N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""

    def canonical(self, choices: Choices) -> Choices:
        """Return `choices` with each that has no effect set to one fixed value, so that equal networks hash equal."""
        return choices

    def count(self) -> int:
        """Return how many distinct architectures the space holds at one scale and channel count.

        A space whose `canonical` folds some together must say how many are left.
        """
        return math.prod(len(values) for values in self.parameters().values())

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part] | None:
        """Return the network as parts whose costs add up to its own; None where it must be counted whole."""
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
        """Check what is asked, then return the network. Deterministic given the torch seed.

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
        """Return every choice's name and the values it may take, in the order they are asked."""
        return {name: tuple(values) for name, values in self.options.items()}


class SkippedSpace(SearchSpace):
    """A family of super-resolution networks with the choice of how the image itself reaches the output.

    `image_skip` off is the network as published, with the global skip and the input normalisation of its authors, if
    any. On, both give way to `ImageSkip`: bicubic interpolation is added, and training starts from it. A search holds
    it on, so that one recipe suits every family.
    """

    own_options: ClassVar[Mapping[str, Values]]
    """Every choice but `image_skip`."""
    pinned: ClassVar[Choices] = {"image_skip": True}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if hasattr(cls, "own_options"):
            cls.options = {"image_skip": (False, True), **cls.own_options}

    @abstractmethod
    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and the convolution in it that writes its output image.

        Where `choices["image_skip"]`, it is built without its own global skip and input normalisation.
        """

    def network(self, choices: Choices, scale: int, channels: int) -> nn.Module:
        """Return the network, within an `ImageSkip` where the choices say so."""
        network, last = self.learned(choices, scale, channels)
        return ImageSkip(network, last, scale) if choices["image_skip"] else network


def may_be(values: Values) -> str:
    """Return what a choice may be, in words."""
    if isinstance(values, range) and len(values) > 8:
        steps = f" in steps of {values.step}" if values.step > 1 else ""
        return f"may be {values[0]} to {values[-1]}{steps}"
    return f"may be one of {shown(list(values))}"


def _ask(trial: Trial, name: str, values: Values) -> Choice:
    if isinstance(values, range):
        return trial.suggest_int(name, values[0], values[-1], step=values.step)
    return cast(Choice, trial.suggest_categorical(name, values))


SPACES: Registry[SearchSpace] = Registry("space", package="search_spaces", entry_points="nas.search_spaces")

Space = TypeVar("Space", bound=type[SearchSpace])


def register(space: Space) -> Space:
    """Class decorator: make a space known under its name."""
    SPACES.add(space.name, space())
    return space
