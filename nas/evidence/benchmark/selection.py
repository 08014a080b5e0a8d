"""The architectures of a table: the published points that fit, and random networks spread evenly over the costs."""

from collections.abc import Sequence
from dataclasses import dataclass

from nas.budget import Budget, refusal
from nas.errors import InputError
from nas.image_size import Size
from nas.search.sample import draw_sample, published
from nas.search.samplers.cheapest import smallest_cost
from nas.search.samplers.problem import Draw, Problem
from nas.table import Row
from search_spaces import SPACES, SearchSpace


@dataclass(frozen=True)
class Wanted:
    """The conditions for selected networks: one scale, one number of channels, within the budgets."""

    scale: int
    channels: int
    hr_size: Size
    budgets: tuple[Budget, ...]

    def of(self, space: SearchSpace) -> Problem:
        """Return the problem for draws from a space, with the pinned choices of the space fixed as in a search."""
        return Problem(space, self.scale, self.channels, self.hr_size, self.budgets, fixed=space.pinned)


def select(counts: dict[str, int], wanted: Wanted, earlier: Sequence[Row] = ()) -> list[Row]:
    """Return the published points of all spaces that fit, and random networks of the named spaces.

    The order is that of the fingerprints, which is as good as random, so any beginning is a fair sample. Each call
    returns the same networks, and a larger selection contains the smaller.

    Args:
        counts: Number of random networks by space.
        wanted: The conditions.
        earlier: The rows of an earlier selection, whose random networks are taken first.

    Raises:
        InputError: A space has no network within the budgets.
        UnknownNameError: There is no such space.
    """
    rows: dict[str, Row] = {}
    for name, count in counts.items():
        for draw in _random(SPACES.get(name), count, wanted, earlier):
            rows[draw.architecture.fingerprint] = _row(draw)
    for space in SPACES:
        if wanted.scale in space.scales and wanted.channels in space.channels:
            for point, draw in published(wanted.of(space)):
                rows[draw.architecture.fingerprint] = _row(draw, f"{space.name}/{point}")
    return [rows[fingerprint] for fingerprint in sorted(rows)]


def _random(space: SearchSpace, count: int, wanted: Wanted, earlier: Sequence[Row]) -> list[Draw]:
    """Return random networks of a space, first the fitting networks of the earlier selection."""
    if not any(budget.unit == "MACs" for budget in wanted.budgets):
        raise InputError("A table needs a budget of multiply-adds, e.g. --budget 8G-MACs.")
    least = smallest_cost(space, wanted.scale, wanted.channels, space.pinned, wanted.hr_size, wanted.budgets[0])
    if reason := refusal(wanted.budgets, least):
        raise InputError(f"Not even the cheapest network of the space '{space.name}' fits: {reason}.")
    problem = wanted.of(space)
    before = [row.network for row in earlier if row.name is None and row.network.space == space.name]
    fitting = [network for network in before if problem.fits(problem.draw(network.choices).cost)]
    return draw_sample(problem, count, earlier=fitting[:count], most_published=0)


def _row(draw: Draw, name: str | None = None) -> Row:
    return Row(architecture=draw.architecture.to_dict(), name=name, macs=draw.cost.macs, params=draw.cost.params)
