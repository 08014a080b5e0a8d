"""What a worker does next: train a network on, try a new one, wait for others, or end."""

from collections.abc import Sequence
from dataclasses import dataclass

from optuna.trial import FrozenTrial, TrialState

from nas.search.history import RUNGS, Known, history
from nas.search.ladder import Ladder

DONE, TIME_IS_UP = "done", "time is up"

SHARE_FOR_NEW = 0.8
"""Where candidates are put on hold, new ones begin in this share of the time; the rest is for training the front."""


@dataclass(frozen=True)
class Turn:
    """To try a new candidate, or the next from the queue, where nothing else is said."""

    end: str = ""
    """Why there is nothing more to do."""
    promotes: Known | None = None
    """A network on hold that is to be trained on."""
    waits: bool = False


def next_turn(
    trials: Sequence[FrozenTrial], ladder: Ladder, wanted: int, elapsed: float = 0.0, flat: str | None = None
) -> Turn:
    """Return what is to be done in a study of these `trials` that shall try as many networks as are `wanted`.

    `elapsed` is the share of the time that is gone; `flat` says that the front no longer grows, if so. Where no new
    network may begin, what may be on the front is still trained to its end.
    """
    if any(t.state == TrialState.WAITING and RUNGS in t.user_attrs for t in trials):
        return Turn()  # somebody's promotion
    known, busy = history(trials), [t for t in trials if t.state == TrialState.RUNNING]
    on_rungs, has_all = len(ladder.rungs) > 1, len(known) >= wanted
    no_new = has_all or flat is not None or (on_rungs and elapsed >= SHARE_FOR_NEW)
    if promoted := ladder.next(known) or (ladder.last(known) if no_new else None):
        return Turn(promotes=promoted)
    if no_new and not (busy and (on_rungs or flat)):
        return Turn(end=DONE if has_all else flat or TIME_IS_UP)
    # Others are on the last ones: if they die, we take over; if what they train is good, it goes on.
    others = sum(RUNGS not in trial.user_attrs for trial in busy)
    return Turn(waits=no_new or len(known) + others >= wanted)
