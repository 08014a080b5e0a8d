"""What a worker does next: promote a paused network, try a new one, wait for others, or end."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from nas.search.history import RUNGS, MeasuredNetwork, history
from nas.search.schedule.ending import Ending
from nas.search.schedule.rungs import Rungs

SHARE_FOR_NEW = 0.8
"""Before the length of trainings is known, new candidates begin only within this share of the time."""

SLACK = 1.15
"""The last trainings get this factor of their predicted time."""


@dataclass(frozen=True)
class Action:
    """The worker's next action. All fields empty: take the next queued trial, or ask the sampler for a candidate."""

    end: Ending | None = None
    """Why the worker ends."""
    promotes: MeasuredNetwork | None = None
    """The paused network that continues to its next rung."""
    waits_for: tuple[int, ...] = ()
    """Trials of other workers that must end before this worker can decide."""


@dataclass(frozen=True)
class TimeLeft:
    """The time that a search has left."""

    seconds: float
    whole: float
    """The time of the whole search, in seconds."""
    workers: int = 1
    """Number of workers that share the last trainings."""

    def suffices(self, measured: Sequence[MeasuredNetwork], rungs: Rungs) -> bool:
        """Return whether a new candidate may begin.

        After its first rung, every possible front member must still be trained to the end. Without rungs there is
        nothing to train at the end: a candidate that is stopped continues with the next command.
        """
        if len(rungs.steps) == 1:
            return self.seconds > 0
        speeds = [network.step_seconds for network in measured if network.step_seconds is not None]
        if not speeds:
            return self.seconds > (1 - SHARE_FOR_NEW) * self.whole
        return self.seconds > self.closing(measured, rungs) + SLACK * rungs.steps[0] * float(np.median(speeds))

    def closing(self, measured: Sequence[MeasuredNetwork], rungs: Rungs) -> float:
        """Return an estimate of the seconds in which every possible front member is trained to the end."""
        speeds = [network.step_seconds for network in measured if network.step_seconds is not None]
        usual = float(np.median(speeds)) if speeds else 0.0
        last = sum(
            (rungs.steps[-1] - network.steps) * (network.step_seconds or usual)
            for network in rungs.unfinished(measured)
        )
        return SLACK * last / self.workers


def goes_on(
    measured: Sequence[MeasuredNetwork], rungs: Rungs, fingerprint: str, rung: int, time: TimeLeft | None = None
) -> bool:
    """Return whether a network that has reached a rung continues at once.

    The network must be among the best on the rung. When the time is short, it must instead be a possible front member;
    when the time is up, no network continues.
    """
    if time is not None and not time.suffices(measured, rungs):
        return time.seconds > 0 and any(network.fingerprint == fingerprint for network in rungs.front(measured))
    return rungs.lets_on(measured, fingerprint, rung)


def next_action(
    trials: Sequence[FrozenTrial],
    rungs: Rungs,
    wanted: int | None,
    time: TimeLeft | None = None,
    is_flat: bool = False,
) -> Action:
    """Return the next action of a worker of a study with these `trials`.

    When no new candidate may begin, every possible front member is still trained to the end. When the time is short,
    only these are trained.

    Args:
        wanted: Number of candidates to try; None if only the time limits them.
        is_flat: Whether the hypervolume no longer grows, which ends a search with `stop_when_flat`.
    """
    if any(t.state == TrialState.WAITING and RUNGS in t.user_attrs for t in trials):
        return Action()  # the queue holds a network that was trained before and lost its worker
    measured, busy = history(trials), [t for t in trials if t.state == TrialState.RUNNING]
    on_rungs, has_all = len(rungs.steps) > 1, wanted is not None and len(measured) >= wanted
    is_short = time is not None and not time.suffices(measured, rungs)
    no_new = has_all or is_flat or is_short
    promoted = None if is_short else rungs.next(measured)
    if promoted := promoted or (rungs.last(measured) if no_new else None):
        return Action(promotes=promoted)
    if no_new and not (busy and (on_rungs or is_flat)):
        return Action(end=_ending(has_all, is_flat))
    # Others train the last candidates: if a worker dies, this one takes over; if a candidate is good, it continues.
    new = [t for t in busy if RUNGS not in t.user_attrs]
    if no_new or (wanted is not None and len(measured) + len(new) >= wanted):
        return Action(waits_for=tuple(t.number for t in busy))
    return Action()


def _ending(has_all: bool, is_flat: bool) -> Ending:
    if has_all:
        return Ending.DONE
    return Ending.FLAT if is_flat else Ending.TIME_IS_UP
