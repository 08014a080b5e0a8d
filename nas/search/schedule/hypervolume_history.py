"""The hypervolume of a search over its trainings, and whether it still grows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import optuna
from optuna.trial import FrozenTrial, TrialState

from nas.search.front import Candidate, hypervolume, pareto_front, reference_point
from nas.search.history import RUNGS
from nas.search.settings import Settings
from nas.search.study import candidates

LEAST_GROWTH = 0.001
"""Relative growth of the hypervolume below which a search is flat: less is within the noise of brief training."""


@dataclass(frozen=True)
class Step:
    """The hypervolume of the front at the end of a training."""

    trial: int
    hypervolume: float


def hypervolume_history(study: optuna.Study, settings: Settings) -> list[Step]:
    """Return the hypervolume after each training that ended, in the order in which they ended.

    The front holds the networks that are trained to the end; a training that was paused at a rung is a step, too. All
    steps use the present reference point, so that they can be compared.
    """
    trained = {candidate.last_trial: candidate for candidate in candidates(study, settings)}
    worst = reference_point(list(trained.values()), settings.objectives, study.user_attrs["bicubic"], settings.budgets)
    front: list[Candidate] = []
    steps: list[Step] = []
    for trial in sorted(
        study.get_trials(deepcopy=False), key=lambda t: (t.datetime_complete or datetime.max, t.number)
    ):
        reached = steps[-1].hypervolume if steps else 0.0
        if trial.number in trained:
            larger = pareto_front([*front, trained[trial.number]], settings.objectives)
            if larger != front:
                front, reached = larger, hypervolume(larger, settings.objectives, worst, settings.interest)
        elif not _was_paused(trial):
            continue
        steps.append(Step(trial.number, reached))
    return steps


def _was_paused(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.PRUNED and bool(trial.user_attrs.get(RUNGS))


def is_flat(steps: Sequence[Step], count: int) -> bool:
    """Return whether the last `count` trainings increased the hypervolume by no more than `LEAST_GROWTH`.

    False as long as no network is better than the reference point.
    """
    if len(steps) <= count:
        return False
    before = steps[-1 - count].hypervolume
    return before > 0 and steps[-1].hypervolume <= before * (1 + LEAST_GROWTH)


class FlatWatch:
    """Watches whether a search has become flat by its `stop_when_flat`; all its workers come to the same result."""

    def __init__(self, study: optuna.Study, settings: Settings) -> None:
        self._study, self._settings = study, settings
        self._finished = -1
        self._reason: str | None = None

    def reason(self) -> str | None:
        """Return why the search may end, in a few words; None if it is not flat, or has no `stop_when_flat`."""
        count = self._settings.stop_when_flat
        if count is None:
            return None
        finished = sum(trial.state.is_finished() for trial in self._study.get_trials(deepcopy=False))
        if finished != self._finished:
            self._finished = finished
            flat = is_flat(hypervolume_history(self._study, self._settings), count)
            self._reason = f"the hypervolume has not grown for {count} candidates" if flat else None
        return self._reason
