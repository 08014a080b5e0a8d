"""Objectives, which a search improves: qualities (higher is better) and costs (lower is better).

An objective is an entry here, or a call of `add` in a plugin. The entry holds its name and unit, how it is counted, how
a budget on it is written, and how it is shown.
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
"""(architecture, (width, height) of the HR image in pixels) → its exact cost, counted without running the network."""


class Form(Enum):
    """How a figure is written."""

    COUNT = "count"
    """`300G`, with decimal prefixes."""
    BYTES = "bytes"
    """`64MiB`."""
    MILLISECONDS = "milliseconds"
    """`33`."""
    PLAIN = "plain"
    """`35.45`: decibels and ratios. No budget limits them."""


@dataclass(frozen=True)
class Objective:
    """A quality or a cost. Figures of candidates are in the units of `nas.cost` and `nas.metrics`."""

    name: str
    title: str
    """The name with the unit in which a study holds the values: `PSNR dB`, `GMACs`."""
    axis: str
    """The label of an axis in that unit; `{size}` is the size of the HR image that the cost is for."""
    word: str
    """The word after a figure in a sentence: `dB`, `MACs`."""
    form: Form = Form.PLAIN
    unit: float = 1.0
    """A figure divided by this is the value in the study: 1e9 for multiply-adds, shown in G."""
    digits: int | None = None
    """Decimals that are shown, in the unit of the study; None for a count, which is shown as `74.50G`."""
    is_cost: bool = False
    count: Count | None = None
    """The function that counts a cost; None for qualities (measured by training) and latency (measured on a device)."""
    budget_unit: str = ""
    """The word after the amount of a budget: `MACs` in `300G-MACs`."""

    def in_study(self, figure: float) -> float:
        """Return a figure in the unit of the study."""
        return figure / self.unit

    def shown(self, figure: float) -> str:
        """Return a figure as text: `35.45`, `74.50G`."""
        return short(figure) if self.digits is None else f"{self.in_study(figure):.{self.digits}f}"

    def in_words(self, figure: float) -> str:
        """Return a figure with its unit as text: `35.45 dB`, `74.50G MACs`."""
        return f"{self.shown(figure)} {self.word}"


OBJECTIVES: Registry[Objective] = Registry("objective", package=None, entry_points="nas.objectives")


def add(objective: Objective) -> Objective:
    """Register an objective under its name. Raises ValueError if the name is taken."""
    OBJECTIVES.add(objective.name, objective)
    return objective


def counted(name: str, title: str, axis: str, count: Count, *, unit: float = 1.0) -> Objective:
    """Return a cost that `count` counts as a number of things; a budget on it is written `5M-{name}`."""
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
"""Costs that take microseconds to count, so thousands of candidates can be screened; others take some 10 ms each."""

DEFAULT_OBJECTIVES = ("psnr", "macs")
MOST_OBJECTIVES = 4


def parse_objectives(names: Iterable[str]) -> tuple[Objective, ...]:
    """Return the objectives with these names, in the same order.

    Raises UnknownNameError for an unknown name, and InputError as `checked` does.
    """
    return checked(resolve(tuple(names)))


def checked(objectives: tuple[Objective, ...]) -> tuple[Objective, ...]:
    """Return the objectives unchanged if a search can have them.

    Raises InputError unless they are two to four different objectives, with at least one quality and one cost.
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
    """Return the objectives with these names, in the same order."""
    return tuple(OBJECTIVES.get(name) for name in names)


def first_quality(objectives: Sequence[Objective]) -> Objective:
    """Return the first quality, which is used where only one can be shown or compared."""
    return next(o for o in objectives if not o.is_cost)


def first_cost(objectives: Sequence[Objective]) -> Objective:
    """Return the first cost, which is used where only one can be shown or compared."""
    return next(o for o in objectives if o.is_cost)
