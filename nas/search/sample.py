"""Samples of a space's networks within budgets, spread evenly over the logarithm of their multiply-adds."""

from collections.abc import Container, Iterable, Iterator, Sequence

import numpy as np
from numpy.random import Generator

from nas.progress import Progress
from nas.search.samplers.problem import Draw, Problem
from search_spaces import Architecture

CANDIDATES = 5
"""How many are drawn for each one that is taken."""

MOST_DRAWN = 100
"""Draws for each one that is taken, after which those that were new must do: a space may have no others."""


def draw_sample(
    problem: Problem,
    size: int,
    *,
    seed: int = 0,
    known: Sequence[Architecture] = (),
    most_published: int | None = None,
    progress: Progress | None = None,
) -> list[Draw]:
    """Return `size` different networks within the budgets, or all that are found where the space hasn't so many.

    `known` come first, even if they are more; then published points, all that fit or `most_published` of them; then
    random networks. Each is the best candidate (Mitchell, SIGGRAPH 1991): of several the one whose multiply-adds are
    the furthest, by their logarithm, from all that are taken. So asking for more only adds to a sample.
    """
    rng = np.random.default_rng(seed)
    taken = _by_fingerprint(problem.draw(architecture.choices) for architecture in known)
    points = _by_fingerprint(draw for _, draw in published(problem))
    left = len(points) if most_published is None else most_published
    while len(taken) < size:
        pool = {key: draw for key, draw in points.items() if key not in taken} if left > 0 else {}
        if not (pool := pool or _candidates(problem, taken, rng)):
            break
        best = _loneliest(list(pool.values()), list(taken.values()))
        taken[best.architecture.fingerprint] = best
        left -= 1
        if progress:
            progress(len(taken), size)
    return list(taken.values())


def published(problem: Problem) -> Iterator[tuple[str, Draw]]:
    """Yield the published points that fit, by their names, as a search holds them: with the choices that are fixed."""
    for name, point in problem.space.published.items():
        draw = problem.draw(problem.completed(point.choices))
        if problem.fits(draw.cost):
            yield name, draw


def _by_fingerprint(draws: Iterable[Draw]) -> dict[str, Draw]:
    return {draw.architecture.fingerprint: draw for draw in draws}


def _candidates(problem: Problem, taken: Container[str], rng: Generator) -> dict[str, Draw]:
    found: dict[str, Draw] = {}
    for _ in range(MOST_DRAWN):
        draw = problem.draw(problem.spread(rng))
        if draw.architecture.fingerprint not in taken and problem.fits(draw.cost):
            found[draw.architecture.fingerprint] = draw
        if len(found) == CANDIDATES:
            break
    return found


def _loneliest(pool: Sequence[Draw], taken: Sequence[Draw]) -> Draw:
    """Return that of `pool` whose cost is the furthest from all that are taken; the cheapest where none is."""
    costs, others = (np.log([max(1, draw.cost.macs) for draw in draws]) for draws in (pool, taken))
    if not taken:
        return pool[int(costs.argmin())]
    return pool[int(np.abs(costs[:, None] - others).min(axis=1).argmax())]
