"""Trials in this process's hands: taken, kept alive by heartbeats, and told.

Optuna's own loop (`Study.optimize`) loses a trial at the first error of its database. Here a trial is held, whatever
the database does, until it is told, put back into the queue, or taken over by another worker.
"""

import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import Trial, TrialState

from nas.search.history import FIXED, OF_A_WORKER, REACHED, RUNGS, WORKER, Known
from nas.search.storage.database import SearchStorage
from nas.search.storage.patience import FAULTS
from nas.search.workers.identity import worker_name
from search_spaces import Choices


class TakenOverError(Exception):
    """Another worker has the trial now, since this one was silent for too long."""


def take(study: optuna.Study) -> Trial:
    """Take the next trial of the queue, one that was trained before if there is any; else create a new one."""
    waiting = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    for queued in sorted(waiting, key=lambda trial: (RUNGS not in trial.user_attrs, trial.number)):
        try:
            if study._storage.set_trial_state_values(queued._trial_id, state=TrialState.RUNNING):
                return _named(study, queued._trial_id)
        except UpdateFinishedTrialError:  # another worker took it, and is done already
            continue
    return begin(study)


def begin(study: optuna.Study, choices: Choices | None = None, attributes: Mapping[str, Any] | None = None) -> Trial:
    """Create a trial for this worker, of the given `choices` or else of those that the sampler will draw."""
    system = {} if choices is None else {FIXED: dict(choices)}
    template = optuna.create_trial(state=TrialState.RUNNING, user_attrs=dict(attributes or {}), system_attrs=system)
    return _named(study, study._storage.create_new_trial(study._study_id, template_trial=template))


def promote(study: optuna.Study, known: Known) -> Trial:
    """Begin a trial of a network that is paused; it goes on from its checkpoint to the next rung.

    It is this worker's from the beginning: in the queue it would wait behind all that was not tried yet.
    """
    before = study.get_trials(deepcopy=False)[known.trial]
    kept = {key: value for key, value in before.user_attrs.items() if key not in OF_A_WORKER}
    return begin(study, known.choices, kept | {"promoted_from": known.trial})


def _named(study: optuna.Study, trial_id: int) -> Trial:
    # In this order: what has a name is put back as soon as its heartbeats end, what has none after a while.
    if beat := getattr(study._storage, "record_heartbeat", None):  # a study in memory has no heartbeats
        beat(trial_id)
    study._storage.set_trial_user_attr(trial_id, WORKER, worker_name())
    study._thread_local.cached_all_trials = None  # as `Study.ask` does: a sampler sees the study of now
    return Trial(study, trial_id)


def tell(study: optuna.Study, trial: Trial, state: TrialState, values: Sequence[float] | None = None) -> None:
    """Finish a trial of this worker. Raises TakenOverError where another worker has it meanwhile."""
    try:
        if _state_of(study, trial) == TrialState.RUNNING:
            study.tell(trial, values, state)
            return
    except (UpdateFinishedTrialError, ValueError):
        # By another worker meanwhile; or by this one, whose first try arrived though its answer was lost.
        if _state_of(study, trial) == TrialState.RUNNING:
            raise  # values that are none
    if _state_of(study, trial) != state:
        raise TakenOverError


def _state_of(study: optuna.Study, trial: Trial) -> TrialState:
    return study._storage.get_trial(trial._trial_id).state


class Heart:
    """Keeps a trial alive while this process holds it, and says when it is no longer this process's.

    Its thread outlives every error of the database. With each beat it writes how far the training is, so that a worker
    that dies is known to have got farther than the one before.
    """

    def __init__(self, storage: SearchStorage, trial: Trial) -> None:
        self._storage, self._id = storage, trial._trial_id
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self.step = 0
        """How far the training is; whoever trains sets it."""
        self.is_lost = False
        """Whether another worker has the trial now."""

    def __enter__(self) -> "Heart":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    def _beat(self) -> None:
        told = 0
        while not self._ended.wait(self._storage.heartbeat_interval or 60):
            try:
                if self._storage.state_of(self._id) != TrialState.RUNNING:
                    self.is_lost = True
                    return
                self._storage.beat(self._id)
                if self.step > told:
                    told = self.step
                    self._storage.set_at_once(self._id, REACHED, told)
            except UpdateFinishedTrialError:  # told in this very moment, by this worker or by another
                self.is_lost = True
                return
            except FAULTS:
                self._storage.forget()  # the next beat may get through
