"""How expensive the networks of a space are: the range of interest of a search must not lie above all of them."""

import numpy as np

from nas.budget import Budget, known_budgets
from nas.search.interest import lower_ends
from nas.search.samplers.problem import Problem

DRAWN = 32
"""Number of random networks that are counted, beside the published ones."""


def range_within_reach(problem: Problem, given: tuple[Budget, ...], seed: int) -> tuple[Budget, ...]:
    """Return the lower ends of the range of interest: those `given`, else an eighth of each budget.

    If all networks of the space cost less than half the budget, the range ends at the most expensive network that was
    found, and begins at an eighth of its cost. Raises InputError for a given end without a budget above it.
    """
    costs = [problem.draw(problem.completed(point.choices)).cost for point in problem.space.published.values()]
    rng = np.random.default_rng(seed)
    costs += [problem.draw(problem.random(rng)).cost for _ in range(DRAWN)]
    reached = []
    for budget in problem.budgets:
        known = [budget.of(cost) for cost in costs if known_budgets([budget], cost)]
        most = max(known, default=budget.limit)
        reached.append(Budget(int(most), budget.unit) if most < budget.limit / 2 else budget)
    starts = {end.unit for end in given}
    checked = lower_ends(problem.budgets, given)
    natural = lower_ends(reached, ())
    return tuple(end if end.unit in starts else other for end, other in zip(checked, natural, strict=True))
