"""Samples of the networks of a space within budgets, spread evenly over the logarithm of their multiply-adds."""

from collections.abc import Container, Iterable, Iterator, Sequence

import numpy as np
from numpy.random import Generator

from nas.progress import Progress
from nas.search.samplers.problem import Draw, Problem
from search_spaces import Architecture

CANDIDATES = 5
"""Number of random networks from which each network of a sample is chosen."""

MOST_DRAWN = 100
"""Maximum number of draws for each network of a sample: a small space may have fewer than `CANDIDATES` new networks."""


def draw_sample(
    problem: Problem,
    size: int,
    *,
    seed: int = 0,
    earlier: Sequence[Architecture] = (),
    most_published: int | None = None,
    progress: Progress | None = None,
) -> list[Draw]:
    """Return `size` different networks within the budgets, or fewer if the space does not have them.

    First come the networks of `earlier`, all of them; then published points; then random networks. Each network is a
    best candidate (Mitchell, SIGGRAPH 1991): of several, the network whose log multiply-adds are farthest from those of
    all taken networks. A larger sample therefore contains the smaller.

    Args:
        earlier: Networks of an earlier sample.
        most_published: Maximum number of published points. Default: all that fit.
        progress: Told the number of networks so far.
    """
    rng = np.random.default_rng(seed)
    taken = _by_fingerprint(problem.draw(architecture.choices) for architecture in earlier)
    points = _by_fingerprint(draw for _, draw in published(problem))
    left = len(points) if most_published is None else most_published
    while len(taken) < size:
        offered = {key: draw for key, draw in points.items() if key not in taken} if left > 0 else {}
        if not (offered := offered or _candidates(problem, taken, rng)):
            break
        best = _loneliest(list(offered.values()), list(taken.values()))
        taken[best.architecture.fingerprint] = best
        left -= 1
        if progress:
            progress(len(taken), size)
    return list(taken.values())


def published(problem: Problem) -> Iterator[tuple[str, Draw]]:
    """Yield the published points that fit, with their names. Fixed choices of the search replace their own."""
    for name, point in problem.space.published.items():
        draw = problem.draw(problem.completed(point.choices))
        if problem.fits(draw.cost):
            yield name, draw


def _by_fingerprint(draws: Iterable[Draw]) -> dict[str, Draw]:
    return {draw.architecture.fingerprint: draw for draw in draws}


def _candidates(problem: Problem, taken: Container[str], rng: Generator) -> dict[str, Draw]:
    found: dict[str, Draw] = {}
    for _ in range(MOST_DRAWN):
        draw = problem.draw(problem.random_by_cost(rng))
        if draw.architecture.fingerprint not in taken and problem.fits(draw.cost):
            found[draw.architecture.fingerprint] = draw
        if len(found) == CANDIDATES:
            break
    return found


def _loneliest(offered: Sequence[Draw], taken: Sequence[Draw]) -> Draw:
    """Return the draw whose cost is farthest from all taken costs; the cheapest draw if nothing is taken."""
    costs, others = (np.log([max(1, draw.cost.macs) for draw in draws]) for draws in (offered, taken))
    if not taken:
        return offered[int(costs.argmin())]
    return offered[int(np.abs(costs[:, None] - others).min(axis=1).argmax())]
