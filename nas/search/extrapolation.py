"""What measured networks are expected to reach: the figures of paused networks, extrapolated to the last rung."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from nas.search.history import MeasuredNetwork

Numbers = np.ndarray[Any, np.dtype[np.float64]]

RIDGE = 4.0
"""A slope is flattened as much as by networks with this sum of squared octaves and no gain."""
OUTLIER = 3.0
"""Gains count as outliers beyond this many standard deviations."""
TO_DEVIATION = 1.4826
"""The standard deviation of a normal distribution as a multiple of its median absolute deviation."""


@dataclass(frozen=True)
class Rise:
    """What a figure gains from one rung to the next: a line over the binary logarithm of the multiply-adds."""

    level: float = 0.0
    slope: float = 0.0

    def of(self, network: MeasuredNetwork) -> float:
        """Return the expected gain of a network."""
        return self.level + self.slope * _octaves(network)

    @classmethod
    def between(cls, measured: Iterable[MeasuredNetwork], low: int, high: int, name: str) -> "Rise":
        """Learn from the networks that have been on both rungs; without any, nothing is gained.

        Expensive networks gain more: of 128 networks of `hybrid` in the shipped table, 0.017 dB an octave from 100 to
        900 steps. With the slope the order after 100 steps agrees better with that in the end: Kendall's tau 0.75
        instead of 0.73 (results/reference/extrapolation_compared.md). A slope from few networks is flattened by ridge
        regression, and outliers are drawn in.
        """
        both = [network for network in measured if _has(network, low, name) and _has(network, high, name)]
        if not both:
            return cls()
        gains = np.array([network.rungs[high][name] - network.rungs[low][name] for network in both])
        octaves = np.array([_octaves(network) for network in both])
        usual = float(np.median(gains))
        fence = OUTLIER * robust_deviation(gains)
        gains = np.clip(gains, usual - fence, usual + fence) - usual
        centred = octaves - octaves.mean()
        slope = float(centred @ gains / (centred @ centred + RIDGE))
        return cls(usual - slope * float(octaves.mean()), slope)


@dataclass(frozen=True)
class Extrapolation:
    """What networks gain from rung to rung, so that networks on different rungs can be compared.

    A figure of a lower rung is increased rung by rung, up to the highest rung that any network reached.
    """

    levels: tuple[int, ...]
    """The rungs that networks have reached, in steps, increasing."""
    rises: Mapping[tuple[int, str], Rise]
    """(Rung, name of a figure) → the gain from this rung to the next."""

    @classmethod
    def of(cls, measured: Sequence[MeasuredNetwork]) -> "Extrapolation":
        """Learn the gains from all networks of a search."""
        levels = sorted({steps for network in measured for steps in network.rungs})
        names = {name for network in measured for figures in network.rungs.values() for name in figures}
        rises = {}
        for low, high in pairwise(levels):
            for name in names:
                rises[low, name] = Rise.between(measured, low, high, name)
        return cls(tuple(levels), rises)

    def lifted(self, network: MeasuredNetwork, rung: int | None = None) -> dict[str, float]:
        """Return the costs of a network and its figures, extrapolated from a rung; None: the last that it reached."""
        start = network.steps if rung is None else rung
        figures = dict(network.rungs[start])
        for level in self.levels[:-1]:
            if level >= start:
                for name in network.rungs[start]:
                    figures[name] += self.rises[level, name].of(network)
        return {**network.costs, **figures}

    def scatter(self, measured: Iterable[MeasuredNetwork], low: int, high: int, name: str) -> list[float]:
        """Return by how much networks that have been on two neighbouring rungs gained more than expected."""
        both = [network for network in measured if _has(network, low, name) and _has(network, high, name)]
        rise = self.rises.get((low, name), Rise())
        return [network.rungs[high][name] - network.rungs[low][name] - rise.of(network) for network in both]


def lifted(measured: Sequence[MeasuredNetwork]) -> list[dict[str, float]]:
    """Return the figures of all networks, extrapolated to the highest rung that any of them reached."""
    extrapolation = Extrapolation.of(measured)
    return [extrapolation.lifted(network) for network in measured]


def _has(network: MeasuredNetwork, rung: int, name: str) -> bool:
    return name in network.rungs.get(rung, {})


def _octaves(network: MeasuredNetwork) -> float:
    return float(np.log2(network.costs.get("macs", 1.0)))


def robust_deviation(figures: Sequence[float] | Numbers) -> float:
    """Return the standard deviation of figures by their median absolute deviation, which ignores a few failures."""
    values = np.asarray(figures, dtype=np.float64)
    return TO_DEVIATION * float(np.median(np.abs(values - np.median(values))))
