"""What a search can be told to improve: qualities, the higher the better, and costs, the lower the better."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nas.errors import InputError
from search_spaces.registry import unknown_name


@dataclass(frozen=True)
class Objective:
    """One thing that counts. Its figure of a candidate is in the unit of `nas.cost` and `nas.metrics`."""

    name: str
    title: str
    """With the unit in which a study holds it: `PSNR dB`, `GMACs`."""
    unit: float = 1.0
    """How much of the figure is one in the study: 1e9 multiply-adds."""
    is_cost: bool = False

    def in_study(self, figure: float) -> float:
        """Return a figure as the study holds it."""
        return figure / self.unit


OBJECTIVES = {
    objective.name: objective
    for objective in (
        Objective("psnr", "PSNR dB"),
        Objective("ssim", "SSIM"),
        Objective("macs", "GMACs", 1e9, is_cost=True),
        Objective("params", "K params", 1e3, is_cost=True),
        Objective("latency", "latency ms", is_cost=True),
        Objective("memory", "memory MiB", 2**20, is_cost=True),
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
            f"'{','.join(chosen)}' can't be searched for; give two to four different objectives, a quality (psnr, "
            "ssim) and a cost (macs, params, latency, memory) among them."
        )
    return chosen


def resolve(names: Sequence[str]) -> tuple[Objective, ...]:
    """Return the objectives of these names, in their order."""
    return tuple(OBJECTIVES[name] for name in names)
