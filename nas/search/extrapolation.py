"""What measured networks are expected to reach: the figures of paused networks, extrapolated to the last rung."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from nas.search.history import MeasuredNetwork

Numbers = np.ndarray[Any, np.dtype[np.float64]]

RIDGE = 4.0
"""A slope is flattened as much as by networks with this sum of squared octaves and no gain."""
TRUST = 0.7
"""How much of what earlier trainings say is expected here, before networks were on both rungs."""
RIDGE_OF_TRUST = 0.01
"""The trust stays near `TRUST` as by networks with this sum of squared known rises, in dB²."""
OUTLIER = 3.0
"""Gains count as outliers beyond this many standard deviations."""
TO_DEVIATION = 1.4826
"""The standard deviation of a normal distribution as a multiple of its median absolute deviation."""


class KnownRises(Protocol):
    """What earlier trainings say of the PSNR that networks gain between two rungs."""

    def between(self, networks: Sequence[MeasuredNetwork], low: int, high: int) -> Mapping[str, float]:
        """Return by how many dB networks gain more than others of their cost: fingerprint → dB."""


@dataclass(frozen=True)
class Rise:
    """What a figure gains from one rung to the next.

    A line over the binary logarithm of the multiply-adds, and a share of what earlier trainings say beside the cost.
    """

    level: float = 0.0
    slope: float = 0.0
    trust: float = 0.0
    known: Mapping[str, float] = field(default_factory=dict)
    """Fingerprint → what earlier trainings say of the network."""

    def of(self, network: MeasuredNetwork) -> float:
        """Return the expected gain of a network."""
        return self.level + self.slope * _octaves(network) + self.trust * self.known.get(network.fingerprint, 0.0)

    @classmethod
    def between(
        cls, measured: Iterable[MeasuredNetwork], low: int, high: int, name: str, known: Mapping[str, float]
    ) -> "Rise":
        """Learn from the networks that have been on both rungs; without any, only what is `known` is gained.

        Expensive networks gain more: of 128 networks of `hybrid` in the shipped table, 0.017 dB an octave from 100 to
        900 steps. With the slope the order after 100 steps agrees better with that in the end: Kendall's tau 0.75
        instead of 0.73 (results/reference/extrapolation_compared.md). Slope and trust from few networks are drawn to
        what is expected by ridge regression, and outliers are drawn in.
        """
        both = [network for network in measured if _has(network, low, name) and _has(network, high, name)]
        if not both:
            return cls(trust=TRUST, known=known)
        gains = np.array([network.rungs[high][name] - network.rungs[low][name] for network in both])
        says = np.array([[_octaves(network), known.get(network.fingerprint, 0.0)] for network in both])
        usual = float(np.median(gains))
        fence = OUTLIER * robust_deviation(gains)
        gains = np.clip(gains, usual - fence, usual + fence) - usual
        centred, ridge = says - says.mean(axis=0), np.diag([RIDGE, RIDGE_OF_TRUST])
        slope, trust = np.linalg.solve(centred.T @ centred + ridge, centred.T @ gains + ridge @ [0.0, TRUST])
        trust = min(1.0, max(0.0, float(trust)))
        octaves, known_gain = says.mean(axis=0)
        return cls(usual - float(slope * octaves + trust * known_gain), float(slope), trust, known)


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
    def of(cls, measured: Sequence[MeasuredNetwork], known: KnownRises | None = None) -> "Extrapolation":
        """Learn the gains from all networks of a search, and from earlier trainings."""
        levels = sorted({steps for network in measured for steps in network.rungs})
        names = {name for network in measured for figures in network.rungs.values() for name in figures}
        rises = {}
        for low, high in pairwise(levels):
            of_psnr = known.between(measured, low, high) if known else {}
            for name in names:
                rises[low, name] = Rise.between(measured, low, high, name, of_psnr if name == "psnr" else {})
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


def lifted(measured: Sequence[MeasuredNetwork], known: KnownRises | None = None) -> list[dict[str, float]]:
    """Return the figures of all networks, extrapolated to the highest rung that any of them reached."""
    extrapolation = Extrapolation.of(measured, known)
    return [extrapolation.lifted(network) for network in measured]


def _has(network: MeasuredNetwork, rung: int, name: str) -> bool:
    return name in network.rungs.get(rung, {})


def _octaves(network: MeasuredNetwork) -> float:
    return float(np.log2(network.costs.get("macs", 1.0)))


def robust_deviation(figures: Sequence[float] | Numbers) -> float:
    """Return the standard deviation of figures by their median absolute deviation, which ignores a few failures."""
    values = np.asarray(figures, dtype=np.float64)
    return TO_DEVIATION * float(np.median(np.abs(values - np.median(values))))
