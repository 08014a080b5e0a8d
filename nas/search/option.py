"""How an option of a search is declared and read. Nothing here loads PyTorch or Optuna."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from nas.errors import InputError
from search_spaces.choices import Choice
from search_spaces.documents import DocumentError, parse_yaml, shortened

MANY = 1_000_000_000
"""The most that an option counts: trials, steps, images."""

LARGEST = 2**31 - 1
"""The largest seed."""

PROCESSES = 1024
"""The most processes, or threads, at a time."""

MOST_SCALE = 16

DEFAULT_SPACE = "hybrid"
DEFAULT_SCALE = 2
DEFAULT_SAMPLER, DEFAULT_SCREENS = "local", ("surrogate:100",)
"""The winner of results/reference/samplers_compared.md. A sampler that is asked for has no such screen."""
DEFAULT_TRIALS = {"cpu": 40, "cuda": 120}
"""Eight to fifteen minutes of trainings on rungs on 2 CPU cores (results/reference/default_search.json)."""
REDUCTION = 3

FIRST, NETWORKS, TRAINING, IMAGES, COSTS, MACHINE, SEARCHING = (
    "Most used",
    "Networks",
    "Training",
    "Images",
    "Costs",
    "Where it runs",
    "How candidates are found",
)
"""The groups of options in `--help`."""


@dataclass(frozen=True)
class Option:
    """How a field of a request stands on the command line, and what it is in a new run where it isn't given."""

    help: str
    """A sentence without the default."""
    group: str
    default: Any = None
    """Of a new run; None where `nas.search.start` works it out."""
    default_words: str = ""
    """The default in the help, where it isn't `default` itself."""
    flag: str = ""
    """The option's name, where it isn't the field's."""
    kind: type = str
    """What the command line takes: a text, an int, or a bool for a flag."""
    is_repeatable: bool = False
    metavar: str = ""
    least: int | None = None
    most: int | None = None
    reads: Callable[[Any], Any] = lambda given: given
    """Turns what the command line gives into the field's value. Raises InputError."""
    is_setting: bool = True
    """Whether a run remembers it under the field's name; the others decide other settings."""

    @property
    def text(self) -> str:
        """The help with the default."""
        is_told = self.default is not None and self.kind is not bool
        words = self.default_words or (str(self.default) if is_told else "")
        return f"{self.help} Default: {words}." if words else self.help


def several(given: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return what a repeatable option was given; None where it was not."""
    return tuple(given) if given else None


def listed(given: str | None) -> tuple[str, ...] | None:
    """Return the names in `psnr,macs`; None where there are none."""
    return tuple(name.strip() for name in given.split(",")) if given else None


def rung_steps(given: str | None) -> tuple[int, ...] | None:
    """Return the steps in `100,300,900`; None for None. Raises InputError."""
    if given is None:
        return None
    parts = [part.strip() for part in given.split(",")]
    steps = tuple(int(part) for part in parts if part.isdecimal() and 0 < int(part[:10]) <= MANY)
    if len(steps) < len(parts) or list(steps) != sorted(set(steps)):
        raise InputError(f"--rungs '{shortened(given)}' are no increasing numbers of steps; write them as 100,300,900.")
    return steps


def fixed_choices(given: Sequence[str] | None) -> dict[str, Choice] | None:
    """Return the choices in `cell1.width=32`, whose values are read as YAML. Raises InputError."""
    if not given:
        return None
    choices: dict[str, Choice] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals:
            raise InputError(f"--fix {shortened(name)} lacks a value; write it as cell1.width=32.")
        try:
            choices[name] = cast(Choice, parse_yaml(value, f"The value of --fix {shortened(name)}"))
        except DocumentError as error:
            raise InputError(str(error)) from None
    return choices
