"""What is searched, as a sampler needs it: what it may choose, what that costs, and whether it fits."""

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
from nas.search.settings import Settings
from search_spaces import Architecture, Choice, Choices, SearchSpace
from search_spaces.choices import Values

OCTAVES = 8.0
"""How far below a budget candidates are looked for, in factors of two: what is still cheaper counts as no cheaper.

Who may spend 300G MACs wants to know what 2G bring, but not the many ways to spend 0.1G.
"""

Weights = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Draw:
    """A candidate that is drawn but not yet chosen."""

    architecture: Architecture
    cost: ScreeningCost

    @property
    def choices(self) -> Choices:
        """Its choices, those held fixed among them."""
        return self.architecture.choices


@dataclass(frozen=True)
class Problem:
    """A space, what its networks may cost, and what counts."""

    space: SearchSpace
    scale: int
    channels: int
    hr_size: Size
    budgets: tuple[Budget, ...]
    fixed: Choices
    """Choices that are not varied."""
    objectives: tuple[Objective, ...] = ()
    """None where networks are only drawn, not searched."""

    @classmethod
    def of(cls, settings: Settings) -> "Problem":
        """Return the problem of a run."""
        return cls(
            space=settings.searched,
            scale=settings.scale,
            channels=settings.channels,
            hr_size=settings.hr_size,
            budgets=settings.budgets,
            fixed=settings.fixed,
            objectives=settings.objectives,
        )

    @cached_property
    def free(self) -> dict[str, Values]:
        """The choices that are varied, each with at least two values."""
        return {n: v for n, v in self.space.options.items() if n not in self.fixed and len(v) > 1}

    @cached_property
    def distributions(self) -> dict[str, BaseDistribution]:
        """What is varied, in Optuna's words: those in which the space asks a trial."""
        return {name: _distribution(values) for name, values in self.free.items()}

    def completed(self, chosen: Choices) -> dict[str, Choice]:
        """Return all choices of a network: those `chosen` among the free ones, and those that are held."""
        only = {name: values[0] for name, values in self.space.options.items() if len(values) == 1}
        return {name: {**chosen, **only, **self.fixed}[name] for name in self.space.options}

    def random(self, rng: Generator) -> dict[str, Choice]:
        """Return random choices, whatever they cost."""
        return self.completed({name: pick(values, rng) for name, values in self.free.items()})

    def shrunk(self, rng: Generator, octaves: float = 0.0) -> dict[str, Choice]:
        """Return random choices that fit the budgets halved `octaves` times."""
        return self.fitted(self.random(rng), rng, octaves)

    def fitted(self, choices: Choices, rng: Generator, octaves: float = 0.0) -> dict[str, Choice]:
        """Return `choices`, the fewest of them, in random order, as in the cheapest network for it to fit.

        It must fit the budgets halved `octaves` times. So a candidate is found in any budget that the cheapest network
        fits, however rare such candidates are.
        """
        names = [str(name) for name in rng.permutation(list(self.free))]

        def after(count: int) -> dict[str, Choice]:
            return {**choices, **{name: self.space.smallest[name] for name in names[:count]}}

        def fits(count: int) -> bool:
            cost = self.draw(after(count)).cost
            limits = known_budgets(self.budgets, cost)
            return all(budget.of(cost) <= 2.0**-octaves * budget.limit for budget in limits)

        return after(0) if fits(0) else after(bisect_left(range(len(names)), True, lo=1, key=fits))

    def spread(self, rng: Generator) -> dict[str, Choice]:
        """Return random choices that cost anything up to the budget, each factor of two of `OCTAVES` as likely.

        Plain random networks of a large space cost much the same, and none of them lies near the ends of the front.
        """
        return self.shrunk(rng, float(rng.uniform(0, self._octaves)))

    @cached_property
    def _octaves(self) -> float:
        """How many times the budgets can be halved before the cheapest network doesn't fit, `OCTAVES` at most.

        Those on what can't be counted in a moment (memory, latency) are left to the worker.
        """
        cost = self.draw(self.completed(self.space.smallest)).cost
        octaves = [float(np.log2(budget.limit / budget.of(cost))) for budget in known_budgets(self.budgets, cost)]
        return max(0.0, min([*octaves, OCTAVES]))

    def architecture(self, choices: Choices) -> Architecture:
        """Return the architecture of these choices."""
        return Architecture(self.space.name, self.scale, self.channels, dict(choices))

    def draw(self, choices: Choices) -> Draw:
        """Return `choices` with what they cost."""
        architecture = self.architecture(choices)
        return Draw(architecture, screening_cost(architecture, self.hr_size))

    def fits(self, cost: ScreeningCost) -> bool:
        """Tell whether a network of that cost is within all budgets."""
        return refusal(self.budgets, cost) is None

    def known_costs(self, cost: ScreeningCost) -> Mapping[str, float]:
        """Return what a screening tells of the objectives: multiply-adds and parameters, where they count."""
        return {o.name: float(cost.figures[o.name]) for o in self.objectives if o.name in cost.figures}

    def worth(self, points: Points) -> Points:
        """Return points to minimise, [..., K] as from `losses`, no cost further than `OCTAVES` below its budget."""
        limits = {budget.cost: float(np.log2(budget.limit)) - OCTAVES for budget in self.budgets}
        return np.maximum(points, [limits.get(objective.name, -np.inf) for objective in self.objectives])


def pick(values: Values, rng: Generator) -> Choice:
    """Return one of `values`, of its own type."""
    return values[int(rng.integers(len(values)))]


def weighted(weights: Weights, rng: Generator) -> int:
    """Return an index with a probability proportional to its weight; the same for all if all weights are zero."""
    total = float(weights.sum())
    return int(rng.choice(len(weights), p=weights / total if total > 0 else None))


def _distribution(values: Values) -> BaseDistribution:
    if isinstance(values, range):
        return IntDistribution(values[0], values[-1], step=values.step)
    return CategoricalDistribution(values)
