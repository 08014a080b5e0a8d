"""What the measured networks of a search will be when they are trained to the end, and what training them is worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from statistics import NormalDist

import numpy as np

from nas.objectives import Objective
from nas.pareto import Points, improvement, losses, ranks
from nas.search.extrapolation import Extrapolation, KnownRises, robust_deviation
from nas.search.history import MeasuredNetwork
from nas.search.interest import Interest
from nas.search.noise import usual_noise

FUTURES = 5
"""Number of quantiles, of equal probability, that represent what a figure may become."""
MOST_WEIGHED = 100
"""Of more networks on a rung, this many of the best by Pareto rank are weighed."""
FEWEST = 4
"""With fewer networks that have been on two rungs, the uncertainty of the lower one is `USUAL_DOUBT`."""
USUAL_DOUBT = 0.5
"""Standard deviation of a figure around its extrapolation, as a share of the spread of the figures on the rung."""
LEAST_DOUBT = 1 / 9
"""The variance around an extrapolation is at least this share of what was seen, however noisy trainings are."""


@dataclass(frozen=True)
class Outlook:
    """The measured networks of a search, as its schedule sees them."""

    measured: Sequence[MeasuredNetwork]
    rungs: Sequence[int]
    objectives: Sequence[Objective]
    interest: Interest
    known: KnownRises | None = None
    """What earlier trainings say of gains from rung to rung."""

    @cached_property
    def extrapolation(self) -> Extrapolation:
        """What networks gain from rung to rung."""
        return Extrapolation.of(self.measured, self.known)

    @cached_property
    def expected(self) -> Points:
        """The points at which the networks are expected to end, to minimise, [N, K]."""
        return self._points([self.extrapolation.lifted(network) for network in self.measured])

    def improvements(self, some: Sequence[int], rung: int) -> Points:
        """Return what training each of some networks to the next rung is worth, from their figures on `rung`: [M].

        It is the expected growth of the hypervolume of all other networks, as they are expected to end, divided by the
        seconds of the training.
        """
        futures = self._futures(some, rung)
        front = self.expected[ranks(self.expected) == 0]
        reference_point = self.interest.reference_point(front, self.objectives)
        worth = np.zeros(len(some))
        for place, index in enumerate(some):
            others = np.delete(self.expected, index, axis=0)
            front = others[ranks(others) == 0]
            worth[place] = np.mean([improvement(point, front, reference_point) for point in futures[place]])
        return worth / self._seconds_to_next(some, rung)

    def _points(self, figures: Sequence[Mapping[str, float]]) -> Points:
        return self.interest.clamped(losses(figures, self.objectives), self.objectives)

    def expected_on(self, rung: int, some: Sequence[int]) -> Points:
        """Return the points at which some networks were expected to end when they were on `rung`, [M, K]."""
        return self._points([self.extrapolation.lifted(self.measured[index], rung) for index in some])

    def _futures(self, some: Sequence[int], rung: int) -> Points:
        """Return the points at which networks may end, by their figures on `rung`: [M, FUTURES, K]."""
        centre = self.expected_on(rung, some)
        doubt = np.array([0.0 if o.is_cost else self._doubt(o.name, rung) for o in self.objectives])
        levels = np.array([NormalDist().inv_cdf((i + 0.5) / FUTURES) for i in range(FUTURES)])
        futures: Points = centre[:, None, :] - levels[None, :, None] * doubt
        return futures

    def _doubt(self, name: str, rung: int) -> float:
        """Return the standard deviation of a figure at the end around its extrapolation from a rung."""
        variance = 0.0
        for low, high in pairwise(step for step in self.rungs if step >= rung):
            scatter = self.extrapolation.scatter(self.measured, low, high, name)
            if len(scatter) < FEWEST:
                there = [network.rungs[rung][name] for network in self.measured if name in network.rungs.get(rung, {})]
                variance += (USUAL_DOUBT * robust_deviation(there)) ** 2
                continue
            seen = robust_deviation(scatter) ** 2
            # The figure on the higher rung has a noise of its own, which says nothing of the network.
            variance += max(seen - usual_noise(high) ** 2, LEAST_DOUBT * seen)
        return float(variance**0.5)

    def _seconds_to_next(self, some: Sequence[int], rung: int) -> Points:
        """Return the seconds in which each network is trained from `rung` to the next, [M]; without speeds, steps."""
        speeds = [network.step_seconds for network in self.measured if network.step_seconds]
        usual = float(np.median(speeds)) if speeds else 1.0
        steps = next(step for step in self.rungs if step > rung) - rung
        return np.array([steps * (self.measured[index].step_seconds or usual) for index in some])
