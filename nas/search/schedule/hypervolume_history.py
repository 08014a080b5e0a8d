"""How a search's hypervolume grew, and whether it still does."""

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
"""The share by which the hypervolume must have grown not to be flat: less is within the noise of brief training."""


@dataclass(frozen=True)
class Step:
    """What the front was worth when the training of a candidate had ended."""

    trial: int
    hypervolume: float


def growth(study: optuna.Study, settings: Settings) -> list[Step]:
    """Return the hypervolume after each training that ended, in the order in which they ended.

    The front is that of the networks trained to the end; a training that was paused at a rung is a step, too. The
    reference point is today's for all steps, so that they compare.
    """
    trained = {candidate.trial: candidate for candidate in candidates(study, settings)}
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
                front, reached = larger, hypervolume(larger, settings.objectives, worst)
        elif not _was_paused(trial):
            continue
        steps.append(Step(trial.number, reached))
    return steps


def _was_paused(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.PRUNED and bool(trial.user_attrs.get(RUNGS))


def is_flat(steps: Sequence[Step], count: int) -> bool:
    """Tell whether the last `count` trainings made the hypervolume grow by no more than `LEAST_GROWTH`.

    Before any network was better than the reference point there is nothing to grow.
    """
    if len(steps) <= count:
        return False
    before = steps[-1 - count].hypervolume
    return before > 0 and steps[-1].hypervolume <= before * (1 + LEAST_GROWTH)


class FlatWatch:
    """Tells when a search has become flat, as its settings have it; all its workers see the same."""

    def __init__(self, study: optuna.Study, settings: Settings) -> None:
        self._study, self._settings = study, settings
        self._finished = -1
        self._reason: str | None = None

    def reason(self) -> str | None:
        """Return why the search may end, in a few words; None while it isn't flat or was not asked to look."""
        count = self._settings.stop_when_flat
        if count is None:
            return None
        finished = sum(trial.state.is_finished() for trial in self._study.get_trials(deepcopy=False))
        if finished != self._finished:
            self._finished = finished
            flat = is_flat(growth(self._study, self._settings), count)
            self._reason = f"the hypervolume has not grown for {count} candidates" if flat else None
        return self._reason
