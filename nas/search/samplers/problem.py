"""The problem of a search as a sampler needs it: choices, costs, and budgets."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.random import Generator
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from nas.budget import Budget, known_budgets, refusal
from nas.cost import ScreeningCost, screening_cost
from nas.image_size import Size
from nas.objectives import Objective
from nas.pareto import Points
from nas.search.extrapolation import KnownRises
from nas.search.interest import EVERY_COST, Interest
from nas.search.settings import Settings
from search_spaces import Architecture, Choice, Choices, SearchSpace
from search_spaces.choices import Values

OCTAVES = 8.0
"""How many factors of two below a budget random networks have, where no range of interest is narrower."""

Weights = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Draw:
    """A candidate that a sampler has drawn, with its costs."""

    architecture: Architecture
    cost: ScreeningCost

    @property
    def choices(self) -> Choices:
        """All choices, including the fixed ones."""
        return self.architecture.choices


@dataclass(frozen=True)
class Problem:
    """A space, its budgets and range of interest, its fixed choices, and the objectives."""

    space: SearchSpace
    scale: int
    channels: int
    hr_size: Size
    budgets: tuple[Budget, ...]
    fixed: Choices
    """Choices that are not varied."""
    objectives: tuple[Objective, ...] = ()
    """Empty where networks are only drawn, not searched."""
    interest: Interest = EVERY_COST
    known: KnownRises | None = None
    """What earlier trainings say of gains from rung to rung."""

    @classmethod
    def of(cls, settings: Settings) -> "Problem":
        """Return the problem of a run."""
        return cls(
            space=settings.searched,
            scale=settings.scale,
            channels=settings.channels,
            hr_size=settings.hr_size,
            budgets=settings.limits,
            fixed=settings.fixed,
            objectives=settings.objectives,
            interest=settings.interest,
        )

    @cached_property
    def free(self) -> dict[str, Values]:
        """The choices that a sampler varies, each with at least two values."""
        return {n: v for n, v in self.space.options.items() if n not in self.fixed and len(v) > 1}

    @cached_property
    def distributions(self) -> dict[str, BaseDistribution]:
        """The varied choices as Optuna's distributions, the same that a space asks a trial for."""
        return {name: _distribution(values) for name, values in self.free.items()}

    def completed(self, chosen: Choices) -> dict[str, Choice]:
        """Return all choices of a network: the `chosen` free choices and the fixed ones."""
        only = {name: values[0] for name, values in self.space.options.items() if len(values) == 1}
        every = self.space.completed({**chosen, **only, **self.fixed})
        return {name: every[name] for name in self.space.options}

    def random(self, rng: Generator) -> dict[str, Choice]:
        """Return random choices, of any cost."""
        return self.completed({name: pick(values, rng) for name, values in self.free.items()})

    def shrunk(self, rng: Generator, octaves: float = 0.0) -> dict[str, Choice]:
        """Return random choices that fit the budgets halved `octaves` times."""
        return self.fitted(self.random(rng), rng, octaves)

    def fitted(self, choices: Choices, rng: Generator, octaves: float = 0.0) -> dict[str, Choice]:
        """Return `choices` with the fewest changes, in a random order, that make the network fit.

        A change sets a choice to its value in the cheapest network of the space. The network must fit the budgets
        halved `octaves` times. So a candidate is found within any budget that the cheapest network fits, however rare
        such candidates are. The number of changes is found by bisection.
        """
        names = [str(name) for name in rng.permutation(list(self.free))]

        def after(count: int) -> dict[str, Choice]:
            return {**choices, **{name: self.space.smallest[name] for name in names[:count]}}

        def fits(count: int) -> bool:
            cost = self.draw(after(count)).cost
            limits = known_budgets(self.budgets, cost)
            return all(budget.of(cost) <= 2.0**-octaves * budget.limit for budget in limits)

        return after(0) if fits(0) else after(bisect_left(range(len(names)), True, lo=1, key=fits))

    def random_by_cost(self, rng: Generator) -> dict[str, Choice]:
        """Return random choices of any cost in the range of interest; each factor of two has the same probability.

        Plain random networks of a large space have a similar cost, and none lies near the ends of the front.
        """
        return self.shrunk(rng, float(rng.uniform(0, self._octaves)))

    @cached_property
    def _octaves(self) -> float:
        """How many times the budgets can be halved before the cheapest network does not fit or the range ends.

        Budgets on costs that take longer to count (memory, latency) are left to the worker.
        """
        cost = self.draw(self.completed(self.space.smallest)).cost
        ends = {end.unit: end.limit for end in self.interest.ends}
        octaves = [OCTAVES]
        for budget in known_budgets(self.budgets, cost):
            octaves.append(float(np.log2(budget.limit / max(budget.of(cost), ends.get(budget.unit, 0)))))
        return max(0.0, min(octaves))

    def architecture(self, choices: Choices) -> Architecture:
        """Return the architecture of these choices."""
        return Architecture(self.space.name, self.scale, self.channels, dict(choices))

    def draw(self, choices: Choices) -> Draw:
        """Return `choices` with their costs."""
        architecture = self.architecture(choices)
        return Draw(architecture, screening_cost(architecture, self.hr_size))

    def fits(self, cost: ScreeningCost) -> bool:
        """Return whether a network of that cost is within all budgets."""
        return refusal(self.budgets, cost) is None

    def is_of_interest(self, cost: ScreeningCost) -> bool:
        """Return whether a network of that cost is within all budgets and not below the range of interest."""
        return self.fits(cost) and not self.interest.is_below(cost)

    def known_costs(self, cost: ScreeningCost) -> Mapping[str, float]:
        """Return the objectives among the costs of a draw: multiply-adds and parameters."""
        return {o.name: float(cost.figures[o.name]) for o in self.objectives if o.name in cost.figures}

    def worth(self, points: Points) -> Points:
        """Clamp points to minimise, [..., K] as from `losses`: no cost is below the range of interest."""
        return self.interest.clamped(points, self.objectives)


def pick(values: Values, rng: Generator) -> Choice:
    """Return one of `values`, of its own type."""
    return values[int(rng.integers(len(values)))]


def weighted(weights: Weights, rng: Generator) -> int:
    """Return a random index with probability proportional to its weight; uniform if all weights are 0."""
    total = float(weights.sum())
    return int(rng.choice(len(weights), p=weights / total if total > 0 else None))


def _distribution(values: Values) -> BaseDistribution:
    if isinstance(values, range):
        return IntDistribution(values[0], values[-1], step=values.step)
    return CategoricalDistribution(values)
