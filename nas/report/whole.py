"""The progress of a whole of several trainings: a search, the front of a run, a table."""

import time
from dataclasses import dataclass, field
from typing import Protocol

from nas.report.lines import fit, in_order, span


@dataclass
class Tally:
    """Sums over the trainings that were shown."""

    ended: int = 0
    work: float = 0.0
    """Work of this process on the ended trainings, in trainings: 0 for a training that was already finished."""
    running: float = 0.0
    """Progress of the running trainings, in trainings."""

    def end(self, share: float) -> None:
        """Count an ended training of which this process did the share `share`."""
        self.ended += 1
        self.work += share


class Whole(Protocol):
    """The progress that a display shows above the trainings."""

    def read(self) -> None:
        """Read the present progress. A thread calls this repeatedly; it may be slow, and may fail."""

    def lines(self, width: int, tally: Tally) -> list[str]:
        """Return the progress in lines of at most `width` columns, the most important first, without reading."""

    def line(self, tally: Tally) -> str:
        """Return the progress in one line for a log; empty before the first reading."""

    def short(self, label: str) -> str:
        """Return the label of a training without the name of the whole."""


@dataclass
class Counted:
    """A fixed number of trainings, such as those of `nas train` or `nas benchmark build`."""

    total: int
    what: str
    """The unit of the count, e.g. `networks`."""
    began: float = field(default_factory=time.monotonic)

    def read(self) -> None:
        """Do nothing: the display counts the trainings."""

    def lines(self, width: int, tally: Tally) -> list[str]:
        """Return the number of missing trainings and the time left."""
        return [fit(in_order(*self._parts(tally)), width, ", ")]

    def line(self, tally: Tally) -> str:
        """Return the contents of `lines` in one line."""
        return ", ".join(self._parts(tally))

    def short(self, label: str) -> str:
        """Return the label unchanged."""
        return label

    def _parts(self, tally: Tally) -> list[str]:
        gone = time.monotonic() - self.began
        parts = [f"{self.total - tally.ended} of {self.total} {self.what} to go", f"{span(gone)} gone"]
        if done := tally.work + tally.running:
            parts.append(f"about {span(gone / done * (self.total - tally.ended - tally.running))} left")
        return parts
