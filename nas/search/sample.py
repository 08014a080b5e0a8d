"""A sample of a space's architectures, spread evenly over what they cost."""

import math
import random
from collections.abc import Iterator, Sequence

import numpy as np

from nas.budget import Budget, refusal
from nas.cost import screening_cost
from nas.errors import InputError
from nas.progress import Progress
from search_spaces import Architecture, Choices, SearchSpace

POOL = 5
"""How many candidates are drawn for each one that is taken: more spread better, but each must be counted."""

MOST_DRAWN = 100
"""For each one that is taken, candidates after which drawing ends: most may be over the budget."""


def draw_sample(
    space: SearchSpace,
    size: int,
    *,
    scale: int,
    channels: int,
    budgets: tuple[Budget, ...],
    seed: int,
    known: Sequence[Architecture] = (),
    progress: Progress | None = None,
) -> list[Architecture]:
    """Return `size` different architectures within the budgets: `known` first, then published points, then random ones.

    Each further one is that of those at hand whose MACs are the furthest, by their logarithm, from all that are taken:
    drawn at random alone, networks would be of much the same cost. The choices that a space pins are held.
    Raises InputError where nothing fits, or too little.
    """
    taken = list(known)

    def fits(architecture: Architecture) -> bool:
        return refusal(budgets, screening_cost(architecture)) is None

    published = [_pinned(space, point.choices, scale, channels) for point in space.published.values()]
    _take(taken, [one for one in published if fits(one)], size)
    pool: dict[str, Architecture] = {}
    wanted = POOL * (size - len(taken))
    for _, drawn in zip(range(MOST_DRAWN * (size - len(taken))), _random(space, scale, channels, seed), strict=False):
        if fits(drawn):
            pool.setdefault(drawn.fingerprint, drawn)
        if progress:
            progress(len(pool), wanted)
        if len(pool) >= wanted:
            break
    _take(taken, list(pool.values()), size)
    if len(taken) < size:
        raise InputError(
            f"Only {len(taken)} networks of the space '{space.name}' within {', '.join(map(str, budgets))} were found, "
            f"not {size}; give a larger --budget or a smaller --sample."
        )
    return taken


def _take(taken: list[Architecture], pool: Sequence[Architecture], size: int) -> None:
    """Add architectures of `pool` to `taken`, the loneliest first, until there are `size`; to none, the cheapest."""
    known = {architecture.fingerprint for architecture in taken}
    others = list({one.fingerprint: one for one in pool if one.fingerprint not in known}.values())
    costs = np.log([max(1, screening_cost(architecture).macs) for architecture in others])
    distance = np.full(len(others), math.inf)
    for architecture in taken:
        distance = np.minimum(distance, abs(costs - math.log(max(1, screening_cost(architecture).macs))))
    while len(taken) < size and len(others) and distance.max() >= 0:
        index = int(distance.argmax() if taken else costs.argmin())
        taken.append(others[index])
        distance = np.minimum(distance, abs(costs - costs[index]))
        distance[index] = -1  # not again


def _random(space: SearchSpace, scale: int, channels: int, seed: int) -> Iterator[Architecture]:
    draws, parameters = random.Random(seed), space.parameters()
    while True:
        choices = {name: draws.choice(values) for name, values in parameters.items()}
        yield _pinned(space, choices, scale, channels)


def _pinned(space: SearchSpace, choices: Choices, scale: int, channels: int) -> Architecture:
    return Architecture(space.name, scale, channels, {**choices, **space.pinned})
