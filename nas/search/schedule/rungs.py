"""Which candidates are worth more training: the rungs of successive halving, for any number of objectives."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from nas.objectives import Objective
from nas.pareto import best_first, losses, ranks
from nas.search.history import Known, lifted
from nas.search.settings import Settings
from proxies import PROXIES, OnRungs


@dataclass(frozen=True)
class Ladder:
    """The rungs of a search, and what counts on them."""

    rungs: tuple[int, ...]
    """In steps, increasing; the last is the whole training."""
    reduction: int
    """Of so many networks on a rung, one goes on to the next."""
    objectives: tuple[Objective, ...]

    @classmethod
    def of(cls, settings: Settings) -> "Ladder":
        """Return the rungs of a run; where its proxy has none, the whole training is the only one."""
        proxy, steps = PROXIES.get(settings.proxy), settings.recipe.steps
        if isinstance(proxy, OnRungs):
            return cls((*proxy.rungs(steps), steps), proxy.reduction, settings.aims)
        return cls((steps,), 1, settings.aims)

    @property
    def in_words(self) -> str:
        """How long candidates are trained, e.g. `on rungs of 100, 300 and 900 steps`."""
        *first, last = self.rungs
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
        for rung, _ in reversed(list(pairwise(self.rungs))):
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
        return [one for one in self.front(known) if one.is_open and one.steps < self.rungs[-1]]

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
