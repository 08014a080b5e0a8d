"""Which candidates are worth more training: asynchronous successive halving, for any number of objectives.

Every candidate is trained to the first rung. Whether it continues is decided by comparison with all candidates that
have been on that rung (Li et al. 2018, arXiv 1810.05934), by their Pareto ranks (Schmucker et al. 2021, arXiv
2106.12639). A candidate that doesn't continue is paused and may be promoted later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from nas.objectives import Objective
from nas.pareto import best_first, ranks
from nas.search.extrapolation import KnownRises
from nas.search.history import MeasuredNetwork
from nas.search.interest import EVERY_COST, Interest
from nas.search.option import REDUCTION
from nas.search.schedule.outlook import MOST_WEIGHED, Outlook
from nas.search.settings import Settings
from nas.training.recipe import Recipe

LEVELS = 4
"""The default number of rungs: with the default reduction a twenty-seventh, a ninth, a third and all of the steps."""


def default_rungs(recipe: Recipe, reduction: int = REDUCTION) -> tuple[int, ...]:
    """Return the rungs of a training, of which the last is its last step; a short training has fewer rungs.

    Each rung has `reduction` times the steps of the rung before; with `reduction` 1, the default reduction is used. No
    rung lies in the first half of the warm-up, where figures tell nothing.
    """
    factor = reduction if reduction > 1 else REDUCTION
    steps = {recipe.steps // factor**level for level in range(LEVELS)}
    return tuple(sorted(step for step in steps if step > recipe.rise / 2 or step == recipe.steps))


@dataclass(frozen=True)
class Rungs:
    """The rungs of a search, and which candidates continue there."""

    steps: tuple[int, ...]
    """In steps, increasing; the last is the whole training."""
    reduction: int
    """One of this many networks on a rung continues to the next; 1: all."""
    objectives: tuple[Objective, ...]
    interest: Interest = EVERY_COST
    known: KnownRises | None = None
    """What earlier trainings say of gains from rung to rung."""

    @classmethod
    def of(cls, settings: Settings, known: KnownRises | None = None) -> "Rungs":
        """Return the rungs of a run."""
        return cls(settings.rungs, settings.reduction, settings.objectives, settings.interest, known)

    @property
    def in_words(self) -> str:
        """The length of trainings in words, e.g. `on rungs of 100, 300 and 900 steps`."""
        *first, last = self.steps
        if not first:
            return f"{last} steps each"
        return f"on rungs of {', '.join(map(str, first))} and {last} steps"

    def places(self, measured: Sequence[MeasuredNetwork], rung: int) -> list[MeasuredNetwork]:
        """Return the networks that have reached a rung, the best first.

        First come those whose further training is worth most for its seconds (`Outlook.improvements`). Those that are
        worth nothing are sorted by Pareto rank, and within a rank by crowding distance, the largest first.
        """
        return self._weighed(measured, rung)[0]

    def promoted(self, measured: Sequence[MeasuredNetwork], rung: int) -> list[MeasuredNetwork]:
        """Return the networks that may continue from a rung, including those that have continued.

        They are the best of the rung, without those whose further training is worth nothing: near copies of a better
        network. New candidates are worth more.
        """
        places, worthwhile = self._weighed(measured, rung)
        return places[: self._count_of(places, worthwhile)]

    def _count_of(self, places: Sequence[MeasuredNetwork], worthwhile: int) -> int:
        """Return how many of the networks on a rung continue."""
        return min(len(places) // self.reduction, worthwhile)

    def _weighed(self, measured: Sequence[MeasuredNetwork], rung: int) -> tuple[list[MeasuredNetwork], int]:
        """Return the networks that have reached a rung, the best first, and how many are worth further training."""
        outlook = self._outlook(measured)
        there = [index for index, network in enumerate(measured) if rung in network.rungs]
        order = [there[place] for place in best_first(outlook.expected_on(rung, there))]
        if not order or rung == self.steps[-1] or self.reduction == 1:
            return [measured[index] for index in order], len(order)
        first, rest = order[:MOST_WEIGHED], order[MOST_WEIGHED:]
        worth = outlook.improvements(first, rung)
        order = [first[place] for place in np.argsort(-worth, kind="stable")] + rest
        return [measured[index] for index in order], int((worth > 0).sum())

    def lets_on(self, measured: Sequence[MeasuredNetwork], fingerprint: str, rung: int) -> bool:
        """Return whether a network may continue from a rung."""
        return any(network.fingerprint == fingerprint for network in self.promoted(measured, rung))

    def next(self, measured: Sequence[MeasuredNetwork]) -> MeasuredNetwork | None:
        """Return a paused network to promote, from the highest rung that has one; None if there is none."""
        for rung, _ in reversed(list(pairwise(self.steps))):
            for network in self.promoted(measured, rung):
                if network.steps == rung and network.is_open:
                    return network
        return None

    def last(self, measured: Sequence[MeasuredNetwork]) -> MeasuredNetwork | None:
        """Return the next network to finish at the end of a search; None if there is none.

        Every possible front member is to be trained to the end; the one with the fewest steps comes first.
        """
        return min(self.unfinished(measured), key=lambda network: network.steps, default=None)

    def unfinished(self, measured: Sequence[MeasuredNetwork]) -> list[MeasuredNetwork]:
        """Return the possible front members that are neither in training nor trained to the end."""
        return [network for network in self.front(measured) if network.is_open and network.steps < self.steps[-1]]

    def front(self, measured: Sequence[MeasuredNetwork]) -> list[MeasuredNetwork]:
        """Return the possible front members: those that no other network is expected to dominate in the end."""
        rank = ranks(self._outlook(measured).expected)
        return [network for network, level in zip(measured, rank, strict=True) if level == 0]

    def _outlook(self, measured: Sequence[MeasuredNetwork]) -> Outlook:
        return Outlook(measured, self.steps, self.objectives, self.interest, self.known)

    def place_in_words(self, measured: Sequence[MeasuredNetwork], fingerprint: str, rung: int) -> str:
        """Return the place of a network on a rung, e.g. `rung 100: place 4 of 9, the best 3 continue`.

        For a network that has not reached the rung, only the number of networks there.
        """
        places, worthwhile = self._weighed(measured, rung)
        place = next((i for i, network in enumerate(places, start=1) if network.fingerprint == fingerprint), None)
        where = f"{len(places)} networks" if place is None else f"place {place} of {len(places)}"
        return f"rung {rung}: {where}, the best {self._count_of(places, worthwhile)} continue"
