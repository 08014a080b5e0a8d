"""Which networks a table is extended by: scaled designs, changes of its best networks, and random ones."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.random import Generator

from nas.search.samplers.encoding import Encoding
from nas.search.samplers.gaussian_process import GaussianProcess
from nas.search.samplers.local import Local
from nas.search.samplers.problem import Draw, Problem
from nas.search.seeds import sizes_of
from nas.table import Row
from search_spaces import Choices

BINS_PER_OCTAVE = 2
POOL = 25
"""Candidates for each bin from which the most promising is taken."""
FEWEST = 12
"""With fewer rows, nothing is changed."""
NEAR = 0.1
"""In dB: networks that are this much worse than the best within their cost are changed, too."""
TRIES = 4000


def chosen(problem: Problem, rows: Sequence[Row], costs: tuple[float, float], count: int, rng: Generator) -> list[Draw]:
    """Return up to `count` new networks with costs between two multiply-adds.

    Half are designs, three eighths are changes. Cheap networks are preferred, since they train faster: half as many at
    four times the cost.
    """
    known = {row.network.fingerprint for row in rows}
    taken: dict[str, Draw] = {}
    for wanted, source in ((count // 2, seeds), (count * 3 // 8, changes), (count // 8, at_random)):
        new: dict[str, Draw] = {}
        for draw in source(problem, rows, costs, wanted, rng):
            if draw.architecture.fingerprint not in known | taken.keys():
                new[draw.architecture.fingerprint] = draw
            if len(new) == wanted:
                break
        taken |= new
    return list(taken.values())


def target(costs: tuple[float, float], rng: Generator) -> float:
    """Return multiply-adds from a range, at four times the cost half as often."""
    low, high = costs[0] ** -0.5, costs[1] ** -0.5
    return float(rng.uniform(high, low) ** -2)


def seeds(
    problem: Problem, rows: Sequence[Row], costs: tuple[float, float], count: int, rng: Generator
) -> Iterator[Draw]:
    """Yield designs of any family, width and depth."""
    sizes = [seed.draw for name in problem.space.seed_families for seed in sizes_of(problem, name)]
    macs = np.array([draw.cost.macs for draw in sizes])
    for _ in range(TRIES):
        near = np.flatnonzero(np.abs(np.log2(macs / target(costs, rng))) < 1 / BINS_PER_OCTAVE / 2)
        if len(near):
            yield sizes[int(rng.choice(near))]


def changes(
    problem: Problem, rows: Sequence[Row], costs: tuple[float, float], count: int, rng: Generator
) -> Iterator[Draw]:
    """Yield changes of the best networks, the most promising of each bin of costs.

    Promising is what a Gaussian process on all rows expects, and its uncertainty, above the best within the cost.
    """
    ours = [row for row in rows if row.trained and row.network.space == problem.space.name]
    if len(ours) < FEWEST:
        return
    quality = np.array([row.trained[0].curve[-1][1] for row in ours])
    macs = np.array([float(row.macs) for row in ours])
    best = np.array([quality[macs <= cost].max() for cost in macs])
    parents = [row.network.choices for row in np.array(ours, dtype=object)[quality >= best - NEAR]]
    change = Local(problem, int(rng.integers(2**31)), count).mutated
    pool = within(problem, lambda: change(parents[int(rng.integers(len(parents)))]), costs, POOL * count)
    encoding = Encoding(problem.space)
    process = GaussianProcess().fit(encoding.blocks([(row.network.choices, _costs(row)) for row in ours]), quality)
    mean, deviation = process.predict(encoding.blocks([(draw.choices, vars(draw.cost)) for draw in pool]))
    smooth = process.predict(encoding.blocks([(row.network.choices, _costs(row)) for row in ours]))[0]
    front = np.array([smooth[macs <= draw.cost.macs].max(initial=smooth.min()) for draw in pool])
    order = np.argsort(front - mean - deviation)
    bins = np.array([int(BINS_PER_OCTAVE * np.log2(draw.cost.macs)) for draw in pool])
    while len(order):
        firsts = [int(order[bins[order] == place][0]) for place in rng.permutation(np.unique(bins[order]))]
        yield from (pool[i] for i in firsts)
        order = order[~np.isin(order, firsts)]


def at_random(
    problem: Problem, rows: Sequence[Row], costs: tuple[float, float], count: int, rng: Generator
) -> Iterator[Draw]:
    """Yield random networks."""
    limit = max(budget.limit for budget in problem.budgets)

    def make() -> Choices:
        return problem.shrunk(rng, float(np.log2(limit / target(costs, rng))))

    yield from within(problem, make, costs, count)


def within(problem: Problem, make: Callable[[], Choices], costs: tuple[float, float], count: int) -> list[Draw]:
    """Return up to `count` different networks with costs in a range."""
    found: dict[str, Draw] = {}
    for _ in range(TRIES):
        draw = problem.draw(make())
        if costs[0] <= draw.cost.macs <= costs[1]:
            found[draw.architecture.fingerprint] = draw
        if len(found) == count:
            break
    return list(found.values())


def _costs(row: Row) -> dict[str, float]:
    return {"macs": float(row.macs), "params": float(row.params)}
