"""Local search: small changes of the networks on the front.

The neighbourhood search of White et al. (arXiv 2005.02960) and the mutation of regularised evolution (Real et al.,
1802.01548) for several objectives: parents are the members of the front, and members beside large gaps are preferred.
"""

from collections.abc import Iterator

import numpy as np

from nas.pareto import crowding
from nas.search.samplers.observations import Observations
from nas.search.samplers.problem import Weights, pick, weighted
from nas.search.samplers.sampler import Sampler, register
from search_spaces import Choice, Choices

MOST_FIRST = 20
"""Mutation starts after this many known networks, in a short search after a quarter of its trials."""
MOST_CHANGES = 3
NEIGHBOUR = 0.8
"""Probability that an ordered choice moves to a neighbouring value instead of any other value."""


@register("local")
class Local(Sampler):
    """Changes one to three choices of a member of the front, more often of a member with distant neighbours."""

    def draws(self, observed: Observations) -> Iterator[Choices]:
        """Yield candidates of all costs at first, then mutations of the front."""
        while len(observed.networks) < max(1, min(MOST_FIRST, self.trials // 4)):
            yield self.problem.random_by_cost(self.rng)
        parents = [observed.parent(i) for i in observed.front]
        weights = loneliness(observed)
        while True:
            yield self.mutated(parents[weighted(weights, self.rng)])

    def mutated(self, parent: Choices) -> Choices:
        """Return `parent` with one to three changed choices, each of which changes the network."""
        child = dict(parent)
        left = list(self.problem.free)  # no choice is changed twice, perhaps back
        for _ in range(int(self.rng.integers(1, MOST_CHANGES + 1))):
            before = self.problem.architecture(child).fingerprint
            for name in map(str, self.rng.permutation(left)):
                changed = child | {name: self._other(name, child[name])}
                if self.problem.architecture(changed).fingerprint != before:
                    child = changed
                    left.remove(name)
                    break
        return child

    def _other(self, name: str, value: Choice) -> Choice:
        values = self.problem.free[name]
        place = list(values).index(value)
        if isinstance(values, range) and self.rng.random() < NEIGHBOUR:
            beside = [i for i in (place - 1, place + 1) if 0 <= i < len(values)]
            return values[beside[int(self.rng.integers(len(beside)))]]
        others = [v for i, v in enumerate(values) if i != place]
        return pick(tuple(others), self.rng)


def loneliness(observed: Observations) -> Weights:
    """Return a weight for each member of the front: its crowding distance; for the ends the largest finite distance."""
    distance = crowding(observed.points[observed.front])
    inside = distance[np.isfinite(distance)]
    largest = float(inside.max()) if len(inside) and inside.max() > 0 else 1.0
    weights: Weights = np.minimum(distance, largest) + 0.1 * largest
    return weights
