"""What a search can be told to improve: qualities, the higher the better, and costs, the lower the better."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nas.budget import short
from nas.errors import InputError
from search_spaces.documents import shortened
from search_spaces.registry import unknown_name


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
    unit: float = 1.0
    """How much of the figure is one in the study: 1e9 multiply-adds."""
    digits: int | None = None
    """Decimals that are shown of it in its unit; of a count, which is shown as `74.50G`, None."""
    is_cost: bool = False

    def in_study(self, figure: float) -> float:
        """Return a figure as the study holds it."""
        return figure / self.unit

    def shown(self, figure: float) -> str:
        """Print a figure: `35.45`, `74.50G`."""
        return short(figure) if self.digits is None else f"{self.in_study(figure):.{self.digits}f}"

    def in_words(self, figure: float) -> str:
        """Print a figure with what it is: `35.45 dB`, `74.50G MACs`."""
        return f"{self.shown(figure)} {self.word}"


OBJECTIVES = {
    objective.name: objective
    for objective in (
        Objective("psnr", "PSNR dB", "PSNR, in dB", "dB", digits=2),
        Objective("ssim", "SSIM", "SSIM", "SSIM", digits=4),
        Objective("macs", "GMACs", "MACs for a {size} HR image, in G", "MACs", unit=1e9, is_cost=True),
        Objective("params", "K params", "parameters, in K", "params", unit=1e3, is_cost=True),
        Objective("latency", "latency ms", "latency for a {size} HR image, in ms", "ms", digits=2, is_cost=True),
        Objective(
            "memory",
            "memory MiB",
            "memory for a {size} HR image, in MiB",
            "MiB memory",
            unit=2**20,
            digits=1,
            is_cost=True,
        ),
    )
}
"""`latency` is in ms for one image, `memory` the most bytes of activations alive at once."""

DEFAULT_OBJECTIVES = ("psnr", "macs")
MOST_OBJECTIVES = 4


def parse_objectives(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names as they are, checked.

    Raises InputError unless they are two to four, each once, a quality and a cost among them; UnknownNameError for a
    name that is no objective.
    """
    chosen = tuple(names)
    for name in chosen:
        if name not in OBJECTIVES:
            raise unknown_name("objective", name, dict(OBJECTIVES))
    kinds = {OBJECTIVES[name].is_cost for name in chosen}
    if not 2 <= len(chosen) <= MOST_OBJECTIVES or len(set(chosen)) < len(chosen) or len(kinds) < 2:
        raise InputError(
            f"'{shortened(','.join(chosen))}' can't be searched for; give two to four different objectives, a quality "
            "(psnr, ssim) and a cost (macs, params, latency, memory) among them."
        )
    return chosen


def resolve(names: Sequence[str]) -> tuple[Objective, ...]:
    """Return the objectives of these names, in their order."""
    return tuple(OBJECTIVES[name] for name in names)


def first_quality(objectives: Sequence[Objective]) -> Objective:
    """Return the quality that is shown and chosen by where only one can be."""
    return next(o for o in objectives if not o.is_cost)


def first_cost(objectives: Sequence[Objective]) -> Objective:
    """Return the cost that is shown and chosen by where only one can be."""
    return next(o for o in objectives if o.is_cost)
