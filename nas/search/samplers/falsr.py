"""The search of FALSR (Chu et al., arXiv 1901.07261, section 3): NSGA-II with crossover and mutation of cells and rows.

Values that the paper does not publish are marked below. Two things differ on purpose:

- There are no generations. The population is at any time the best of all measured networks, since NSGA-II keeps the
  best of parents and children anyway. So no worker waits for another.
- The paper's mutation asks an LSTM, trained by reinforcement, for cells and connections that promise a high PSNR. Here
  the mutation draws from the frequencies of cells and connections in the networks of the highest quality: an estimate
  of the same distribution that needs no training (Mühlenbein & Paaß 1996).
"""

from collections.abc import Iterator
from math import prod

import numpy as np

from nas.pareto import Points, ranks
from nas.search.samplers.genome import Genome, Group, alike, content, filled
from nas.search.samplers.observations import Observations
from nas.search.samplers.problem import pick, weighted
from nas.search.samplers.sampler import Sampler, register
from search_spaces import Choice, Choices

POPULATION = 64
"""Size of the population, as in the paper, in a search of `POPULATION · GENERATIONS` trials or more."""
GENERATIONS = 6
"""A shorter search has a smaller population, so that its trials are this many populations; the paper had 150."""
SMALLEST_POPULATION = 6
DENSE, SPARSE = 1 / 3, 1 / 3
"""Probability that a first network has all connections, or none; else each with probability 1/2. Not published."""
MUTATED = 0.5
"""Probability that a child is mutated. Not published."""
EXPLORED = 0.5
"""Probability that a mutation explores instead of using the frequencies in the elite. Not published."""
MUTATIONS = {"random": 0.5, "macs": 0.25, "params": 0.25}
"""Probabilities of the explorations: random, or a roulette wheel that favours few multiply-adds or few parameters. Not
published."""
WHEEL = 32
"""Maximum number of cells on a roulette wheel; if there are more, this many are drawn at random."""
ELITE = 1 / 3
"""Share of the population, those of the highest quality, whose cells and connections are counted."""
SMOOTHING = 0.1
"""Probability that exploitation takes a random cell instead, so that no cell dies out."""


@register("falsr")
class Falsr(Sampler):
    """Children of two tournament winners: one cell and one row from the second, then perhaps a mutation.

    By constraint domination, candidates over the budget would lose to all others. Since a cost needs no training, they
    are drawn again at once.
    """

    def draws(self, observed: Observations) -> Iterator[Choices]:
        """Yield first networks until there is a population, then children of its members."""
        self.genome = Genome.of(self.problem.free)
        size = min(POPULATION, max(SMALLEST_POPULATION, self.trials // GENERATIONS))
        while len(observed.networks) < size:
            yield self.first()
        population = survivors(observed.points)[:size]
        parents = [observed.parent(i) for i in population]
        elite = [observed.parent(i) for i in self._elite(observed, population)]
        while True:
            child = self.crossed(self._winner(parents), self._winner(parents))
            yield self._mutated(child, elite) if self.rng.random() < MUTATED else child

    def first(self) -> dict[str, Choice]:
        """Return a network that repeats one cell, with all, no or random connections."""
        choices = self.problem.random(self.rng)
        for group in self.genome.cells:
            model = next(g for g in self.genome.cells if alike(g, group, self.problem.free))
            choices |= filled(group, content(model, choices))
        kind = self.rng.random()
        if kind < DENSE + SPARSE:
            choices |= {name: kind < DENSE for group in self.genome.rows for name in group}
        return choices

    def crossed(self, first: Choices, second: Choices) -> dict[str, Choice]:
        """Return `first` with one cell, one row and one single choice of `second`, as far as the space has them."""
        child = dict(first)
        for groups in self.genome.chromosomes:
            group = groups[int(self.rng.integers(len(groups)))]
            child |= filled(group, content(group, second))
        return child

    def _winner(self, best_first: list[dict[str, Choice]]) -> dict[str, Choice]:
        """Return the better of two random members: a binary tournament."""
        return best_first[int(self.rng.integers(len(best_first), size=2).min())]

    def _mutated(self, child: dict[str, Choice], elite: list[dict[str, Choice]]) -> dict[str, Choice]:
        if self.rng.random() >= EXPLORED:
            return child | self._exploited(elite)
        kind = list(MUTATIONS)[weighted(np.array(list(MUTATIONS.values())), self.rng)]
        return child | (self._redrawn() if kind == "random" else self._spun(child, kind))

    def _redrawn(self) -> dict[str, Choice]:
        """Return new random values for one group of each chromosome."""
        drawn: dict[str, Choice] = {}
        for groups in self.genome.chromosomes:
            drawn |= self._random(groups[int(self.rng.integers(len(groups)))])
        return drawn

    def _spun(self, child: Choices, cost: str) -> dict[str, Choice]:
        """Redraw all cells, each from a roulette wheel on which cheap cells have a higher probability.

        The weight of a cell is the distance of its log cost from that of the dearest cell. Connections stay.
        """
        drawn: dict[str, Choice] = {}
        for group in self.genome.operators:
            options = self._wheel(group)
            prices = [getattr(self.problem.draw({**child, **option}).cost, cost) for option in options]
            logs = np.log2(np.maximum(prices, 1))
            drawn |= options[weighted(logs.max() - logs, self.rng)]
        return drawn

    def _wheel(self, group: Group) -> list[dict[str, Choice]]:
        free = self.problem.free
        if prod(len(free[name]) for name in group) <= WHEEL and len(group) == 1:
            return [{group[0]: value} for value in free[group[0]]]
        return [self._random(group) for _ in range(WHEEL)]

    def _random(self, group: Group) -> dict[str, Choice]:
        return {name: pick(self.problem.free[name], self.rng) for name in group}

    def _exploited(self, elite: list[dict[str, Choice]]) -> dict[str, Choice]:
        """Draw each cell with its frequency at this place in the elite, and each connection independently."""
        drawn: dict[str, Choice] = {}
        for group in (*self.genome.cells, *self.genome.single):
            chosen = elite[int(self.rng.integers(len(elite)))]
            drawn |= self._random(group) if self.rng.random() < SMOOTHING else filled(group, content(group, chosen))
        for name in (name for group in self.genome.rows for name in group):
            # Laplace's rule: one network more with the connection and one without, so that neither is certain.
            share = (sum(bool(member[name]) for member in elite) + 1) / (len(elite) + 2)
            drawn[name] = bool(self.rng.random() < share)
        return drawn

    def _elite(self, observed: Observations, population: list[int]) -> list[int]:
        """Return the members of the population with the highest first quality."""
        quality = next(i for i, objective in enumerate(self.problem.objectives) if not objective.is_cost)
        by_quality = sorted(population, key=lambda i: float(observed.points[i, quality]))
        return by_quality[: max(2, round(ELITE * len(population)))]


def survivors(points: Points) -> list[int]:
    """Return the indices of the points by Pareto rank, within a rank by modified crowding, the largest first."""
    rank = ranks(points)
    order: list[int] = []
    for level in range(int(rank.max()) + 1):
        members = np.flatnonzero(rank == level)
        order += [int(i) for i in members[np.argsort(-modified_crowding(points[members]), kind="stable")]]
    return order


def modified_crowding(points: Points) -> Points:
    """Return the distance of each point from the next worse point in each objective, summed; infinite at the ends.

    FALSR uses the distance of Chu & Yu (1811.12667), which prefers the point nearer to the front among points within
    one cuboid. Here f(next) - f(own) takes the place of f(next) - f(previous) of NSGA-II and has this property.
    """
    distance = np.zeros(len(points))
    for column in points.T:
        order = np.argsort(column, kind="stable")
        ordered = column[order]
        if ordered[-1] > ordered[0]:
            distance[order[1:-1]] += (ordered[2:] - ordered[1:-1]) / (ordered[-1] - ordered[0])
        distance[order[[0, -1]]] = np.inf
    return distance
