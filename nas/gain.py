"""Gain over hand-made: what a search found against the best published networks, over a range of costs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from nas.pareto import Points

SHARES = (1.0, 0.5, 0.25, 0.125)
"""The shares of the budget at which the gain is also given by itself."""


@dataclass(frozen=True)
class Network:
    """What a comparison needs of a network."""

    cost: float
    quality: float
    """In dB; higher is better."""


@dataclass(frozen=True)
class Gain:
    """How much better the best found network is than the best hand-made one, over the range `low`..`high` of costs."""

    low: float
    high: float
    mean: float
    """In dB, over the logarithm of the cost: the difference of both hypervolumes divided by the octaves."""
    least: float
    """In dB: the smallest difference at any cost of the range."""
    at: Mapping[float, float]
    """Share of the budget → difference in dB there, for those of `SHARES` in the range."""
    saving: float | None
    """Share of the cost that the found networks save at equal quality, as a mean over the quality that both reach.

    Negative if the found networks cost more; None if there is no quality that both reach.
    """


def gain(found: Iterable[Network], hand_made: Iterable[Network], low: float, high: float, floor: float) -> Gain:
    """Compare two sets of networks, trained alike, over the costs `low`..`high`.

    At each cost, the best network within the cost counts; networks cheaper than `low` count, too. Without such a
    network the quality is `floor`, that of bicubic interpolation.

    Raises ValueError unless 0 < low < high.
    """
    if not 0 < low < high:
        raise ValueError(f"a range of costs must increase and be positive, not {low}..{high}")
    ours, theirs = _Staircase(found, floor), _Staircase(hand_made, floor)
    # Both are constant between neighbouring edges, so the mean over the logarithm is a sum of boxes.
    edges = np.unique([low, high, *ours.costs_within(low, high), *theirs.costs_within(low, high)])
    differences = np.array([ours.at(edge) - theirs.at(edge) for edge in edges])
    octaves = np.diff(np.log2(edges))
    return Gain(
        low=low,
        high=high,
        mean=float((octaves * differences[:-1]).sum() / octaves.sum()),
        least=float(differences.min()),
        at={share: ours.at(share * high) - theirs.at(share * high) for share in SHARES if share * high >= low},
        saving=_saving(ours, theirs, low, high),
    )


class _Staircase:
    """The best quality within each cost: a function that rises by steps."""

    def __init__(self, networks: Iterable[Network], floor: float) -> None:
        self.steps: list[Network] = []
        """The networks that are better than all cheaper ones, by increasing cost."""
        self.floor = floor
        best = floor
        for network in sorted(networks, key=lambda network: (network.cost, -network.quality)):
            if network.quality > best:
                self.steps.append(network)
                best = network.quality

    def at(self, cost: float) -> float:
        """Return the best quality within `cost`."""
        return max((step.quality for step in self.steps if step.cost <= cost), default=self.floor)

    def costs_within(self, low: float, high: float) -> list[float]:
        """Return the costs in the range at which the quality rises."""
        return [step.cost for step in self.steps if low < step.cost < high]

    def cost_of(self, quality: float, low: float) -> float:
        """Return the cost of the cheapest network of at least `quality`; networks below the range cost `low`."""
        return max(low, next(step.cost for step in self.steps if step.quality >= quality))


def _saving(ours: _Staircase, theirs: _Staircase, low: float, high: float) -> float | None:
    """Return the mean saving between the better of both qualities at `low` and the worse of both at `high`."""
    bottom = max(ours.at(low), theirs.at(low))
    top = min(ours.at(high), theirs.at(high))
    if bottom >= top:
        return None
    steps = [step.quality for step in (*ours.steps, *theirs.steps) if bottom < step.quality < top]
    edges = np.unique([bottom, *steps, top])
    upper, heights = edges[1:], np.diff(edges)
    ratios: Points = np.log2([ours.cost_of(q, low) / theirs.cost_of(q, low) for q in upper])
    return float(1 - 2 ** ((heights * ratios).sum() / heights.sum()))
