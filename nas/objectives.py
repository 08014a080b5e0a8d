"""What a search can be told to improve: qualities, the higher the better, and costs, the lower the better.

An objective is one entry here, or one call of `add` in a plugin: its name, its unit, how it is counted, how a budget
on it is written, and how it is shown.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from nas.cost import cost, screening_cost
from nas.errors import InputError
from nas.image_size import Size
from nas.quantities import short
from search_spaces import Architecture
from search_spaces.documents import shortened
from search_spaces.registry import Registry

Count = Callable[[Architecture, Size], float]
"""(architecture, (width, height) of the HR image) → a cost, exactly and without running the network."""


class Form(Enum):
    """How a figure is written."""

    COUNT = "count"
    """`300G`, with decimal prefixes."""
    BYTES = "bytes"
    """`64MiB`."""
    MILLISECONDS = "milliseconds"
    """`33`."""
    PLAIN = "plain"
    """`35.45`: decibels and ratios, which no budget limits."""


@dataclass(frozen=True)
class Objective:
    """One thing that counts. Its figure of a candidate is in the unit of `nas.cost` and `nas.metrics`."""

    name: str
    title: str
    """With the unit in which a study holds it: `PSNR dB`, `GMACs`."""
    axis: str
    """What an axis in that unit is called; `{size}` is the image that the cost is for."""
    word: str
    """What follows its figure in a sentence: `dB`, `MACs`."""
    form: Form = Form.PLAIN
    unit: float = 1.0
    """How much of the figure is one in the study: 1e9 multiply-adds."""
    digits: int | None = None
    """Decimals that are shown of it in its unit; of a count, which is shown as `74.50G`, None."""
    is_cost: bool = False
    count: Count | None = None
    """Counts a cost; None for what must be measured: qualities by the brief training, latency on the device."""
    budget_unit: str = ""
    """What follows the amount in a budget, `MACs` in `300G-MACs`."""

    def in_study(self, figure: float) -> float:
        """Return a figure as the study holds it."""
        return figure / self.unit

    def shown(self, figure: float) -> str:
        """Print a figure: `35.45`, `74.50G`."""
        return short(figure) if self.digits is None else f"{self.in_study(figure):.{self.digits}f}"

    def in_words(self, figure: float) -> str:
        """Print a figure with what it is: `35.45 dB`, `74.50G MACs`."""
        return f"{self.shown(figure)} {self.word}"


OBJECTIVES: Registry[Objective] = Registry("objective", package=None, entry_points="nas.objectives")


def add(objective: Objective) -> Objective:
    """Make an objective known under its name. Raises ValueError for a name that is taken."""
    OBJECTIVES.add(objective.name, objective)
    return objective


def counted(name: str, title: str, axis: str, count: Count, *, unit: float = 1.0) -> Objective:
    """Return a cost that is a number of things, which `count` counts; a budget on it is written as `5M-{name}`."""
    return Objective(name, title, axis, name, Form.COUNT, unit, is_cost=True, count=count, budget_unit=name)


add(Objective("psnr", "PSNR dB", "PSNR, in dB", "dB", digits=2))
add(Objective("ssim", "SSIM", "SSIM", "SSIM", digits=4))
add(
    Objective(
        "macs",
        "GMACs",
        "MACs for a {size} HR image, in G",
        "MACs",
        Form.COUNT,
        unit=1e9,
        is_cost=True,
        count=lambda architecture, size: screening_cost(architecture, size).macs,
        budget_unit="MACs",
    )
)
add(
    counted(
        "params",
        "K params",
        "parameters, in K",
        lambda architecture, size: screening_cost(architecture, size).params,
        unit=1e3,
    )
)
add(
    counted(
        "activations",
        "M activations",
        "activations for a {size} HR image, in M",
        lambda architecture, size: cost(architecture, size).activations,
        unit=1e6,
    )
)
add(counted("convs", "convs", "convolutions", lambda architecture, size: cost(architecture, size).convs))
add(
    Objective(
        "latency",
        "latency ms",
        "latency for a {size} HR image, in ms",
        "ms",
        Form.MILLISECONDS,
        digits=2,
        is_cost=True,
        budget_unit="ms",
    )
)
add(
    Objective(
        "memory",
        "memory MiB",
        "memory for a {size} HR image, in MiB",
        "MiB memory",
        Form.BYTES,
        unit=2**20,
        digits=1,
        is_cost=True,
        count=lambda architecture, size: cost(architecture, size).peak_memory,
        budget_unit="memory",
    )
)

SCREENED = ("macs", "params")
"""The costs that are counted in microseconds, of thousands of candidates; the others take some tens of milliseconds."""

DEFAULT_OBJECTIVES = ("psnr", "macs")
MOST_OBJECTIVES = 4


def parse_objectives(names: Iterable[str]) -> tuple[Objective, ...]:
    """Return the objectives of these names, in their order, checked.

    Raises InputError as `checked` does; UnknownNameError for a name that is no objective.
    """
    return checked(resolve(tuple(names)))


def checked(objectives: tuple[Objective, ...]) -> tuple[Objective, ...]:
    """Return the objectives of a search as they are.

    Raises InputError unless they are two to four, each once, a quality and a cost among them.
    """
    names = [objective.name for objective in objectives]
    kinds = {objective.is_cost for objective in objectives}
    if not 2 <= len(names) <= MOST_OBJECTIVES or len(set(names)) < len(names) or len(kinds) < 2:
        qualities = ", ".join(o.name for o in OBJECTIVES.in_order() if not o.is_cost)
        costs = ", ".join(o.name for o in OBJECTIVES.in_order() if o.is_cost)
        raise InputError(
            f"'{shortened(','.join(names))}' can't be searched for; give two to four different objectives, a quality "
            f"({qualities}) and a cost ({costs}) among them."
        )
    return objectives


def resolve(names: Sequence[str]) -> tuple[Objective, ...]:
    """Return the objectives of these names, in their order."""
    return tuple(OBJECTIVES.get(name) for name in names)


def first_quality(objectives: Sequence[Objective]) -> Objective:
    """Return the quality that is shown and chosen by where only one can be."""
    return next(o for o in objectives if not o.is_cost)


def first_cost(objectives: Sequence[Objective]) -> Objective:
    """Return the cost that is shown and chosen by where only one can be."""
    return next(o for o in objectives if o.is_cost)
