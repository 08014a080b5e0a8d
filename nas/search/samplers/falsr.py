"""The search of FALSR (Chu et al., arXiv 1901.07261, section 3): NSGA-II with crossover and mutation of cells and rows.

What the paper leaves open is settled here and says so. Two things differ on purpose. There are no generations: the
population is, at any time, the best of all that is known, since NSGA-II keeps the best of parents and children anyway,
and so no worker waits for another. And where the paper's mutation asks an LSTM, trained by reinforcement, for cells and
connections that promise a high PSNR, here the frequencies of cells and connections among the known networks of
the highest quality are asked: an estimate of the same distribution that needs no training (Mühlenbein & Paaß 1996).
"""

from collections.abc import Iterator
from math import prod

import numpy as np

from nas.pareto import Points, ranks
from nas.search.samplers.genome import Genome, Group, alike, content, filled
from nas.search.samplers.observations import Seen
from nas.search.samplers.problem import pick, weighted
from nas.search.samplers.sampler import Sampler, register
from search_spaces import Choice, Choices

POPULATION = 64
"""Individuals, as in the paper, of a search of `POPULATION · GENERATIONS` trials or more."""
GENERATIONS = 6
"""A shorter search has a smaller population, so that so many make it up; the paper had 150 generations."""
SMALLEST_POPULATION = 6
DENSE, SPARSE = 1 / 3, 1 / 3
"""How often a first network has all connections, or none; else each with a probability of a half. Not published."""
MUTATED = 0.5
"""How often a child is mutated. Not published."""
EXPLORED = 0.5
"""How often a mutation explores instead of exploiting what is known. Not published."""
MUTATIONS = {"random": 0.5, "macs": 0.25, "params": 0.25}
"""How often an exploration is random, or a roulette wheel that favours few multiply-adds, or few parameters. Not
published."""
WHEEL = 32
"""The most cells on a roulette wheel; of more, so many are drawn at random."""
ELITE = 1 / 3
"""The part of the population, of the highest quality, whose cells and connections are counted."""
SMOOTHING = 0.1
"""How often exploitation takes a random cell instead, so that none dies out."""


@register("falsr")
class Falsr(Sampler):
    """Children of two tournament winners: one cell and one row from the second, then perhaps a mutation.

    Candidates over the budget lose to all others (constraint domination); as a cost needs no training, they are drawn
    again at once.
    """

    def draws(self, seen: Seen) -> Iterator[Choices]:
        """Yield first networks until there is a population, then children of it."""
        self.genome = Genome.of(self.problem.free)
        size = min(POPULATION, max(SMALLEST_POPULATION, self.trials // GENERATIONS))
        while len(seen.known) < size:
            yield self.first()
        population = survivors(seen.points)[:size]
        parents = [seen.parent(i) for i in population]
        elite = [seen.parent(i) for i in self._elite(seen, population)]
        while True:
            child = self.crossed(self._winner(parents), self._winner(parents))
            yield self._mutated(child, elite) if self.rng.random() < MUTATED else child

    def first(self) -> dict[str, Choice]:
        """Return a network of one cell, repeated, with all, no or random connections."""
        choices = self.problem.random(self.rng)
        for group in self.genome.cells:
            model = next(g for g in self.genome.cells if alike(g, group, self.problem.free))
            choices |= filled(group, content(model, choices))
        kind = self.rng.random()
        if kind < DENSE + SPARSE:
            choices |= {name: kind < DENSE for group in self.genome.rows for name in group}
        return choices

    def crossed(self, first: Choices, second: Choices) -> dict[str, Choice]:
        """Return `first` with one cell, one row and one choice that stands alone, whichever there are, of `second`."""
        child = dict(first)
        for groups in self.genome.chromosomes:
            group = groups[int(self.rng.integers(len(groups)))]
            child |= filled(group, content(group, second))
        return child

    def _winner(self, best_first: list[dict[str, Choice]]) -> dict[str, Choice]:
        """Return the better of two that are drawn: a binary tournament."""
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
        """Redraw all cells, each from a roulette wheel on which a cell is the wider, the less it costs.

        Connections stay. The width is the distance from the dearest cell on the wheel, on a logarithmic scale.
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
        """Draw each cell as often as it stands at its place in the elite, and each connection on its own."""
        drawn: dict[str, Choice] = {}
        for group in (*self.genome.cells, *self.genome.single):
            chosen = elite[int(self.rng.integers(len(elite)))]
            drawn |= self._random(group) if self.rng.random() < SMOOTHING else filled(group, content(group, chosen))
        for name in (name for group in self.genome.rows for name in group):
            # One connection more and one less than counted, so that neither is certain.
            share = (sum(bool(one[name]) for one in elite) + 1) / (len(elite) + 2)
            drawn[name] = bool(self.rng.random() < share)
        return drawn

    def _elite(self, seen: Seen, population: list[int]) -> list[int]:
        """Return the members of the population of the highest quality, in dB where PSNR counts."""
        quality = next(i for i, objective in enumerate(self.problem.objectives) if not objective.is_cost)
        by_quality = sorted(population, key=lambda i: float(seen.points[i, quality]))
        return by_quality[: max(2, round(ELITE * len(population)))]


def survivors(points: Points) -> list[int]:
    """Return the indices of the points by their rank, within a rank by the modified crowding, the largest first."""
    rank = ranks(points)
    order: list[int] = []
    for level in range(int(rank.max()) + 1):
        members = np.flatnonzero(rank == level)
        order += [int(i) for i in members[np.argsort(-modified_crowding(points[members]), kind="stable")]]
    return order


def modified_crowding(points: Points) -> Points:
    """Return how far each point is from the next worse in each objective, summed; infinite at the ends.

    FALSR takes the distance of Chu & Yu (1811.12667), by which of the points within one cuboid the one nearer to the
    front goes first. It is here f(next) - f(own) for NSGA-II's f(next) - f(previous), which has this property.
    """
    distance = np.zeros(len(points))
    for column in points.T:
        order = np.argsort(column, kind="stable")
        ordered = column[order]
        if ordered[-1] > ordered[0]:
            distance[order[1:-1]] += (ordered[2:] - ordered[1:-1]) / (ordered[-1] - ordered[0])
        distance[order[[0, -1]]] = np.inf
    return distance
