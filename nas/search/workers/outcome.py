"""The outcome of a trial, and what a worker keeps in mind over several trials."""

from collections.abc import Callable
from dataclasses import dataclass, field

from optuna.trial import TrialState

from nas.search.schedule.ending import Ended, Ending

MOST_REFUSED = 500
"""The search ends after this many refused candidates in a row: nothing new fits."""
MOST_FAILED = 10
"""The search ends after this many failed candidates in a row: something other than the candidates is broken."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of a trial."""

    state: TrialState
    values: tuple[float, ...] | None = None
    goes_back: bool = False
    """Whether the network goes back into the queue."""
    ends: BaseException | None = None
    """The error that ends this worker: something other than the network is broken, or a second Ctrl-C."""


@dataclass
class Streak:
    """Numbers of refused and of failed candidates in a row."""

    refused: int = 0
    failed: int = 0

    @property
    def ended(self) -> Ended | None:
        """Why the search ends; None if it does not."""
        if self.refused >= MOST_REFUSED:
            words = f"{MOST_REFUSED} candidates in a row were over budget or tried before"
            return Ended(Ending.NOTHING_NEW, words)
        if self.failed >= MOST_FAILED:
            return Ended(Ending.ALL_FAIL, f"{MOST_FAILED} candidates in a row failed")
        return None


@dataclass
class WaitingNote:
    """Prints once which trials a worker waits for, and again when they change."""

    say: Callable[[str], None]
    told: tuple[int, ...] = field(default=())

    def note(self, trials: tuple[int, ...]) -> None:
        """Print the trials of other workers that are waited for, unless they were printed already."""
        if trials and trials != self.told:
            named = ", ".join(map(str, trials))
            plural = "s" if len(trials) > 1 else ""
            self.say(f"waiting for trial{plural} {named}, which other workers train or have left behind")
        self.told = trials
