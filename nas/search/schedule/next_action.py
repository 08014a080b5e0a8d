"""What a worker does next: promote a paused network, try a new one, wait for others, or end."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from nas.search.history import RUNGS, Known, history
from nas.search.schedule.ending import Ending
from nas.search.schedule.rungs import Rungs

SHARE_FOR_NEW = 0.8
"""Of the whole time, where nobody knows yet how long trainings take: new candidates begin within this share."""

SLACK = 1.15
"""By so much more time than predicted the last trainings are given."""


@dataclass(frozen=True)
class Action:
    """The worker's next action. All fields empty: take the next queued trial, or ask the sampler for a candidate."""

    end: Ending | None = None
    """Why the worker ends."""
    promotes: Known | None = None
    """The paused network that continues to its next rung."""
    waits_for: tuple[int, ...] = ()
    """Trials of other workers that must end before this worker can decide."""


@dataclass(frozen=True)
class TimeLeft:
    """How much of a search's time is left."""

    seconds: float
    whole: float
    """Of the whole search, in seconds."""
    workers: int = 1
    """How many share the last trainings."""

    def suffices(self, known: Sequence[Known], rungs: Rungs) -> bool:
        """Tell whether a new candidate may begin: what may be on the front must still be trained fully after it.

        Without rungs there is nothing left to train at the end: a candidate that is stopped goes on another time.
        """
        if len(rungs.steps) == 1:
            return self.seconds > 0
        speeds = [one.step_seconds for one in known if one.step_seconds is not None]
        if not speeds:
            return self.seconds > (1 - SHARE_FOR_NEW) * self.whole
        return self.seconds > self.closing(known, rungs) + SLACK * rungs.steps[0] * float(np.median(speeds))

    def closing(self, known: Sequence[Known], rungs: Rungs) -> float:
        """Return the seconds in which what may be on the front is trained fully, as far as can be told."""
        speeds = [one.step_seconds for one in known if one.step_seconds is not None]
        usual = float(np.median(speeds)) if speeds else 0.0
        last = sum((rungs.steps[-1] - one.steps) * (one.step_seconds or usual) for one in rungs.unfinished(known))
        return SLACK * last / self.workers


def goes_on(known: Sequence[Known], rungs: Rungs, fingerprint: str, rung: int, time: TimeLeft | None = None) -> bool:
    """Tell whether a network that is on a rung is trained on at once.

    It must be among the best there; where the time is short, it must be one that may be on the front. When the time is
    up, none is.
    """
    if time is not None and not time.suffices(known, rungs):
        return time.seconds > 0 and any(one.fingerprint == fingerprint for one in rungs.front(known))
    return rungs.lets_on(known, fingerprint, rung)


def next_action(
    trials: Sequence[FrozenTrial],
    rungs: Rungs,
    wanted: int | None,
    time: TimeLeft | None = None,
    is_flat: bool = False,
) -> Action:
    """Return what is to be done in a study of these `trials` that shall try as many networks as are `wanted`.

    None are wanted where the time alone decides. Where no new network may begin, what may be on the front is still
    trained to its end; where the time for that is short, nothing else is.
    """
    if any(t.state == TrialState.WAITING and RUNGS in t.user_attrs for t in trials):
        return Action()  # a network that was trained before and lost its worker
    known, busy = history(trials), [t for t in trials if t.state == TrialState.RUNNING]
    on_rungs, has_all = len(rungs.steps) > 1, wanted is not None and len(known) >= wanted
    is_short = time is not None and not time.suffices(known, rungs)
    no_new = has_all or is_flat or is_short
    promoted = None if is_short else rungs.next(known)
    if promoted := promoted or (rungs.last(known) if no_new else None):
        return Action(promotes=promoted)
    if no_new and not (busy and (on_rungs or is_flat)):
        return Action(end=_ending(has_all, is_flat))
    # Others are on the last ones: if they die, we take over; if what they train is good, it goes on.
    new = [t for t in busy if RUNGS not in t.user_attrs]
    if no_new or (wanted is not None and len(known) + len(new) >= wanted):
        return Action(waits_for=tuple(t.number for t in busy))
    return Action()


def _ending(has_all: bool, is_flat: bool) -> Ending:
    if has_all:
        return Ending.DONE
    return Ending.FLAT if is_flat else Ending.TIME_IS_UP
