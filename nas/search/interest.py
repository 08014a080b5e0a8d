"""The range of interest: the costs at which a search looks for networks, and over which it is judged."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from nas.budget import Budget, Costs, known_budgets
from nas.errors import InputError
from nas.objectives import Form, Objective
from nas.pareto import Points

OCTAVES = 3
"""By default the range begins at a budget halved this often."""

MARGIN = 0.1
"""Distance of a reference point behind the worst of a front, as a share of the front's extent (as in BoTorch)."""

SLACK = 0.75
"""Networks are looked for down to this share of the lower end of the range."""


@dataclass(frozen=True)
class Interest:
    """For each budget the lower and the upper end of its range.

    A network that costs less than the lower end is neither searched for nor hidden: it counts as if it cost the lower
    end.
    """

    ends: tuple[Budget, ...] = ()
    """The lower ends, at most one for a cost. None at all: every cost is of interest."""
    limits: tuple[Budget, ...] = ()
    """The upper ends, at most one for a cost."""

    def is_below(self, costs: Costs) -> bool:
        """Return whether a network is cheaper than the range, by all of its costs that are known.

        Networks a little cheaper are still looked for, since they are good for the lower end.
        """
        known = known_budgets(self.ends, costs)
        return bool(known) and all(end.of(costs) < SLACK * end.limit for end in known)

    def clamped(self, points: Points, objectives: Sequence[Objective]) -> Points:
        """Clamp points to minimise, [..., K] as from `nas.pareto.losses`: no cost is below its range."""
        lowest = {end.cost: float(np.log2(end.limit)) for end in self.ends}
        return np.maximum(points, [lowest.get(objective.name, -np.inf) for objective in objectives])

    def reference_point(self, front: Points, objectives: Sequence[Objective]) -> Points:
        """Return a point a little behind the worst of a front, [N, K], in each objective: [K].

        For a cost whose range ends behind it, the end of the range.
        """
        worst, best = front.max(axis=0), front.min(axis=0)
        point: Points = worst + MARGIN * np.maximum(worst - best, 0.01)
        limits = {budget.cost: float(np.log2(budget.limit)) for budget in self.limits}
        return np.maximum(point, [limits.get(objective.name, -np.inf) for objective in objectives])


EVERY_COST = Interest()
"""No range: every cost is of interest."""


def lower_ends(budgets: Iterable[Budget], given: Iterable[Budget], octaves: int = OCTAVES) -> tuple[Budget, ...]:
    """Return the lower ends of the ranges below `budgets`: those that were `given`, else the budgets halved.

    Raises InputError for a given end that has no budget above it.
    """
    starts = {end.unit: end for end in given}
    ends = []
    for budget in budgets:
        end = starts.pop(budget.unit, None) or _halved(budget, octaves)
        if end.limit >= budget.limit:
            raise InputError(f"The range of interest must begin below the budget {budget}, not at {end}.")
        ends.append(end)
    for end in starts.values():
        raise InputError(f"The range of interest begins at {end}, but there is no --budget in {end.unit}.")
    return tuple(ends)


def _halved(budget: Budget, times: int) -> Budget:
    """Return a budget halved several times, as exactly as it can be written."""
    limit = budget.limit / 2**times
    if budget.form == Form.MILLISECONDS:
        return Budget(max(0.001, round(limit, 3)), budget.unit)
    return Budget(max(1, int(limit)), budget.unit)
