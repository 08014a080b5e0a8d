"""Which candidates are worth more training: asynchronous successive halving, for any number of objectives.

Every candidate is trained to the first rung. Whether it continues is decided by comparison with all candidates that
have been on that rung (Li et al. 2018, arXiv 1810.05934), by their Pareto ranks (Schmucker et al. 2021, arXiv
2106.12639). A candidate that doesn't continue is paused and may be promoted later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from nas.objectives import Objective
from nas.pareto import best_first, losses, ranks
from nas.search.history import Known, lifted
from nas.search.option import REDUCTION
from nas.search.settings import Settings

LEVELS = 3
"""How many rungs a search has unless its user says otherwise: by the default reduction a ninth, a third and all."""


def default_rungs(steps: int, reduction: int = REDUCTION) -> tuple[int, ...]:
    """Return the rungs of a training of `steps` steps, the last of which is `steps`; a short training has fewer.

    Each is `reduction` times the one before; where all continue, as by the default.
    """
    factor = reduction if reduction > 1 else REDUCTION
    shares = (factor**level for level in range(LEVELS))
    return tuple(sorted({steps // share for share in shares} - {0}))


@dataclass(frozen=True)
class Rungs:
    """The rungs of a search, and what counts on them."""

    steps: tuple[int, ...]
    """In steps, increasing; the last is the whole training."""
    reduction: int
    """One of this many networks on a rung continues to the next; 1: all."""
    objectives: tuple[Objective, ...]

    @classmethod
    def of(cls, settings: Settings) -> "Rungs":
        """Return the rungs of a run."""
        return cls(settings.rungs, settings.reduction, settings.objectives)

    @property
    def in_words(self) -> str:
        """How long candidates are trained, e.g. `on rungs of 100, 300 and 900 steps`."""
        *first, last = self.steps
        if not first:
            return f"{last} steps each"
        return f"on rungs of {', '.join(map(str, first))} and {last} steps"

    def places(self, known: Sequence[Known], rung: int) -> list[Known]:
        """Return the networks that have been on a rung, the best first.

        By the rank of their front there, so that a small network is compared with those of its own cost, then by how
        lonely they are on it.
        """
        there = [one for one in known if rung in one.rungs]
        points = losses([{**one.costs, **one.rungs[rung]} for one in there], self.objectives)
        return [there[index] for index in best_first(points)]

    def promoted(self, known: Sequence[Known], rung: int) -> list[Known]:
        """Return those that have earned to go on from a rung, whether they have or not."""
        places = self.places(known, rung)
        return places[: len(places) // self.reduction]

    def lets_on(self, known: Sequence[Known], fingerprint: str, rung: int) -> bool:
        """Tell whether a network has earned to go on from a rung."""
        return any(one.fingerprint == fingerprint for one in self.promoted(known, rung))

    def next(self, known: Sequence[Known]) -> Known | None:
        """Return a network to be trained on to its next rung, the highest first; None where there is none yet."""
        for rung, _ in reversed(list(pairwise(self.steps))):
            for one in self.promoted(known, rung):
                if one.steps == rung and one.is_open:
                    return one
        return None

    def last(self, known: Sequence[Known]) -> Known | None:
        """Return a network to be trained on when no other will come: what may be on the front shall be trained fully.

        That is the least trained of those that no other dominates, as far as can be told (`lifted`).
        """
        return min(self.unfinished(known), key=lambda one: one.steps, default=None)

    def unfinished(self, known: Sequence[Known]) -> list[Known]:
        """Return the networks that may be on the front and nobody trains, but that aren't trained fully yet."""
        return [one for one in self.front(known) if one.is_open and one.steps < self.steps[-1]]

    def front(self, known: Sequence[Known]) -> list[Known]:
        """Return the networks that no other dominates, as far as can be told (`lifted`)."""
        rank = ranks(losses(lifted(known), self.objectives))
        return [one for one, level in zip(known, rank, strict=True) if level == 0]

    def place_in_words(self, known: Sequence[Known], fingerprint: str, rung: int) -> str:
        """Return how a network stands on a rung, e.g. `rung 100: place 4 of 9, the best 3 go on`.

        For one that isn't there, only how many are.
        """
        places = self.places(known, rung)
        place = next((i for i, one in enumerate(places, start=1) if one.fingerprint == fingerprint), None)
        where = f"{len(places)} networks" if place is None else f"place {place} of {len(places)}"
        return f"rung {rung}: {where}, the best {len(places) // self.reduction} go on"
