"""Which architectures a table holds: the published ones that fit, and random ones spread evenly over the costs."""

from collections.abc import Sequence
from dataclasses import dataclass

from nas.budget import Budget, refusal
from nas.errors import InputError
from nas.evidence.benchmark.table import Row
from nas.image_size import Size
from nas.search.sample import draw_sample, published
from nas.search.samplers.cheapest import smallest_cost
from nas.search.samplers.problem import Draw, Problem
from search_spaces import SPACES, SearchSpace


@dataclass(frozen=True)
class Wanted:
    """What may be selected: networks of one scale and channel count within the budgets."""

    scale: int
    channels: int
    hr_size: Size
    budgets: tuple[Budget, ...]

    def of(self, space: SearchSpace) -> Problem:
        """Return what may be drawn of a space: networks as a search holds them, with what it pins."""
        return Problem(space, self.scale, self.channels, self.hr_size, self.budgets, fixed=space.pinned)


def select(counts: dict[str, int], wanted: Wanted, known: Sequence[Row] = ()) -> list[Row]:
    """Return the published points of all spaces that fit, and so many random networks of each named space.

    Those among `known`, an earlier selection, come first. The order is that of the fingerprints: as good as shuffled,
    so that any beginning of it is a fair sample. The same come at each call, and asking for more only adds to them.
    Raises InputError for a space without a network within the budgets; UnknownNameError.
    """
    rows: dict[str, Row] = {}
    for name, count in counts.items():
        for draw in _random(SPACES.get(name), count, wanted, known):
            rows[draw.architecture.fingerprint] = _row(draw)
    for space in SPACES:
        if wanted.scale in space.scales and wanted.channels in space.channels:
            for point, draw in published(wanted.of(space)):
                rows[draw.architecture.fingerprint] = _row(draw, f"{space.name}/{point}")
    return [rows[fingerprint] for fingerprint in sorted(rows)]


def _random(space: SearchSpace, count: int, wanted: Wanted, known: Sequence[Row]) -> list[Draw]:
    """Return random networks of a space, first those that were selected before and fit."""
    if not any(budget.unit == "MACs" for budget in wanted.budgets):
        raise InputError("A table needs a budget of multiply-adds, e.g. --budget 8G-MACs.")
    least = smallest_cost(space, wanted.scale, wanted.channels, space.pinned, wanted.hr_size, wanted.budgets[0])
    if reason := refusal(wanted.budgets, least):
        raise InputError(f"Not even the smallest network of the space '{space.name}' fits: {reason}.")
    problem = wanted.of(space)
    before = [row.network for row in known if row.name is None and row.network.space == space.name]
    fitting = [network for network in before if problem.fits(problem.draw(network.choices).cost)]
    return draw_sample(problem, count, known=fitting[:count], most_published=0)


def _row(draw: Draw, name: str | None = None) -> Row:
    return Row(architecture=draw.architecture.to_dict(), name=name, macs=draw.cost.macs, params=draw.cost.params)
