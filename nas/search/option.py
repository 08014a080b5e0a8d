"""How an option of a search is declared and read. Nothing here loads PyTorch or Optuna."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from nas.errors import InputError
from search_spaces.choices import Choice
from search_spaces.documents import DocumentError, parse_yaml, shortened

MANY = 1_000_000_000
"""The largest count of an option: trials, steps, images."""

LARGEST = 2**31 - 1
"""The largest seed."""

PROCESSES = 1024
"""The largest number of processes or threads."""

MOST_SCALE = 16

DEFAULT_SPACE = "hybrid"
DEFAULT_SCALE = 2
DEFAULT_SAMPLER, DEFAULT_SCREENS = "local", ("surrogate:100",)
"""The best of results/reference/samplers_compared.md. A sampler that the user names has no default screen."""
SHIPPED_PRIOR, NO_PRIOR = "shipped", "none"
"""Names of priors: the tables that come with the project; no prior. Another name is a run or a table file."""
DEFAULT_TRIALS = {"cpu": 40, "cuda": 120}
"""On 2 CPU cores 8 minutes for trainings of 900 steps on three rungs (results/reference/default_search.json)."""
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
    """The command-line option of a field of a request, and the default of a new run."""

    help: str
    """The help sentence, without the default."""
    group: str
    default: Any = None
    """The default of a new run; None if `nas.search.wanted` derives it from other options."""
    default_words: str = ""
    """The default in the words of the help; empty: `default` itself."""
    flag: str = ""
    """The name of the option; empty: that of the field."""
    kind: type = str
    """The type on the command line: str, int, or bool for a flag."""
    is_repeatable: bool = False
    metavar: str = ""
    least: int | None = None
    most: int | None = None
    reads: Callable[[Any], Any] = lambda given: given
    """Turns the value of the command line into the value of the field. Raises InputError."""
    is_setting: bool = True
    """Whether the field is a setting of the run with the same name; other fields decide other settings."""

    @property
    def text(self) -> str:
        """The help sentence with the default."""
        is_told = self.default is not None and self.kind is not bool
        words = self.default_words or (str(self.default) if is_told else "")
        return f"{self.help} Default: {words}." if words else self.help


def several(given: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the values of a repeatable option; None if it was not given."""
    return tuple(given) if given else None


def listed(given: str | None) -> tuple[str, ...] | None:
    """Return the names in `psnr,macs`; None for an empty text."""
    return tuple(name.strip() for name in given.split(",")) if given else None


def rung_steps(given: str | None) -> tuple[int, ...] | None:
    """Return the steps in `100,300,900`; None for None. Raises InputError."""
    if given is None:
        return None
    parts = [part.strip() for part in given.split(",")]
    steps = tuple(int(part) for part in parts if part.isdecimal() and 0 < int(part[:10]) <= MANY)
    if len(steps) < len(parts) or list(steps) != sorted(set(steps)):
        raise InputError(
            f"--rungs '{shortened(given)}' must be increasing numbers of steps; write them as 100,300,900."
        )
    return steps


def fixed_choices(given: Sequence[str] | None) -> dict[str, Choice] | None:
    """Return the choices in `cell1.width=32`. The values are read as YAML. Raises InputError."""
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
