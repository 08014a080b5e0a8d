"""How fast the networks of a space are trained here, measured on a few of them."""

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nas.data.dataset import Dataset
from nas.errors import InputError
from nas.search.faults import in_words, is_the_networks
from nas.training.recipe import Recipe
from nas.training.speed import Speed, measure_speed
from search_spaces import Architecture

POINTS = 16
"""The mean over a range of costs is taken over this many costs."""


def seconds_of_candidate(speed: Speed, rungs: Sequence[int], reduction: int) -> float:
    """Return the mean seconds for a candidate, if one of `reduction` candidates continues at each of `rungs`."""
    seconds, share, before = 0.0, 1.0, 0
    for rung in rungs:
        seconds += share * ((rung - before) * speed.step + speed.validation)
        share, before = share / reduction, rung
    return seconds


@dataclass(frozen=True)
class SpeedByCost:
    """Seconds as straight lines over a cost of the networks."""

    step: tuple[float, float]
    """Seconds for a step at cost 0, and for each unit of the cost."""
    validation: tuple[float, float]

    @classmethod
    def fitted(cls, costs: Sequence[float], speeds: Sequence[Speed]) -> "SpeedByCost":
        """Return the lines through the speeds of networks of these costs."""
        steps, validations = ([getattr(speed, name) for speed in speeds] for name in ("step", "validation"))
        return cls(_line(costs, steps), _line(costs, validations))

    def at(self, cost: float) -> Speed:
        """Return the speed of a network of that cost."""
        return Speed(self.step[0] + self.step[1] * cost, self.validation[0] + self.validation[1] * cost)

    def over(self, low: float, high: float) -> Speed:
        """Return the mean speed over the costs from `low` to `high`, every factor of two counting alike."""
        speeds = [self.at(float(cost)) for cost in np.geomspace(low, high, POINTS)]
        return Speed(
            float(np.mean([speed.step for speed in speeds])), float(np.mean([speed.validation for speed in speeds]))
        )


def _line(costs: Sequence[float], seconds: Sequence[float]) -> tuple[float, float]:
    """Return level and slope of the line with the least squared error, neither of them negative."""
    x, y = np.array(costs, dtype=np.float64), np.array(seconds, dtype=np.float64)
    if len(set(costs)) > 1:
        slope, level = np.polyfit(x, y, 1)
        if slope >= 0 and level >= 0:
            return float(level), float(slope)
        if slope > 0:
            return 0.0, float((x @ y) / (x @ x))
    return float(y.mean()), 0.0


def measure_speeds(
    candidates: Iterable[Architecture], data: Dataset, recipe: Recipe, device: torch.device, seconds: float = math.inf
) -> list[tuple[Architecture, Speed]]:
    """Train each of `candidates` for a few steps on `device`; start no training after `seconds`.

    A candidate that cannot be trained there, such as one that is too large, is left out. Raises InputError if all are.
    """
    measured: list[tuple[Architecture, Speed]] = []
    began, reason, tried = time.monotonic(), "", 0
    for architecture in candidates:
        if measured and time.monotonic() - began > seconds:
            break
        tried += 1
        try:
            measured.append((architecture, measure_speed(architecture, data, recipe, device)))
        except Exception as error:
            if not is_the_networks(error):
                raise
            reason = in_words(error)
    if not measured:
        raise InputError(f"None of {tried} networks can be trained here to see how fast it is: {reason}.")
    return measured
