"""How far the whole is of which single trainings are parts: a search, the front of a run, a table."""

import time
from dataclasses import dataclass, field
from typing import Protocol

from nas.report.lines import fit, in_order, span


@dataclass
class Tally:
    """What became of the trainings that were shown."""

    ended: int = 0
    work: float = 0.0
    """How much of the ended trainings was done here, in trainings: 0 for one that was found finished."""
    running: float = 0.0
    """How much is done of those that go on."""

    def end(self, share: float) -> None:
        """Count a training that ended after this share of what it had to do."""
        self.ended += 1
        self.work += share


class Whole(Protocol):
    """What a display tells above the trainings."""

    def read(self) -> None:
        """Learn how far it is. A thread calls this now and then; it may take a while, and may fail."""

    def lines(self, width: int, tally: Tally) -> list[str]:
        """Return how far it is in lines of at most `width` columns, the most important first. Reads nothing."""

    def line(self, tally: Tally) -> str:
        """Return the same for a log, in one line; empty where there is nothing to tell yet."""

    def short(self, label: str) -> str:
        """Return a training's label without what the whole says already."""


@dataclass
class Counted:
    """A known number of trainings: of `nas train` with several networks, of `nas benchmark build`."""

    total: int
    what: str
    """What they are, e.g. `networks`."""
    began: float = field(default_factory=time.monotonic)

    def read(self) -> None:
        """There is nothing to read: the display counts itself."""

    def lines(self, width: int, tally: Tally) -> list[str]:
        """Return how many are to be trained yet, and how long that takes."""
        return [fit(in_order(*self._parts(tally)), width, ", ")]

    def line(self, tally: Tally) -> str:
        """Return the same."""
        return ", ".join(self._parts(tally))

    def short(self, label: str) -> str:
        """Return the label as it is."""
        return label

    def _parts(self, tally: Tally) -> list[str]:
        gone = time.monotonic() - self.began
        parts = [f"{self.total - tally.ended} of {self.total} {self.what} to go", f"{span(gone)} gone"]
        if done := tally.work + tally.running:
            parts.append(f"about {span(gone / done * (self.total - tally.ended - tally.running))} left")
        return parts
