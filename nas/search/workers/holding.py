"""Trials that this process holds: taken, kept alive by heartbeats, and finished.

Optuna's own loop (`Study.optimize`) loses a trial at the first error of its database. Here a worker holds its trial
through errors of the database, until it finishes the trial, puts it back into the queue, or another worker takes over.
"""

import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import Trial, TrialState

from nas.search.history import FIXED, OF_A_WORKER, REACHED, RUNGS, WORKER, MeasuredNetwork
from nas.search.storage.database import SearchStorage
from nas.search.storage.patience import FAULTS
from nas.search.trial_names import PROMOTED_FROM
from nas.search.workers.identity import worker_name
from search_spaces import Choices


class TakenOverError(Exception):
    """Another worker has taken over the trial, since this worker was silent for too long."""


def take(study: optuna.Study) -> Trial:
    """Take the next queued trial, first one that was trained before; create a new trial if the queue is empty."""
    waiting = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    for queued in sorted(waiting, key=lambda trial: (RUNGS not in trial.user_attrs, trial.number)):
        try:
            if study._storage.set_trial_state_values(queued._trial_id, state=TrialState.RUNNING):
                return _named(study, queued._trial_id)
        except UpdateFinishedTrialError:  # another worker took the trial and has finished it
            continue
    return begin(study)


def begin(study: optuna.Study, choices: Choices | None = None, attributes: Mapping[str, Any] | None = None) -> Trial:
    """Create a trial for this worker, with the given `choices` or else with choices that the sampler will draw."""
    system = {} if choices is None else {FIXED: dict(choices)}
    template = optuna.create_trial(state=TrialState.RUNNING, user_attrs=dict(attributes or {}), system_attrs=system)
    return _named(study, study._storage.create_new_trial(study._study_id, template_trial=template))


def promote(study: optuna.Study, network: MeasuredNetwork) -> Trial:
    """Begin a trial of a paused network, which continues from its checkpoint to the next rung.

    The trial belongs to this worker from the start: in the queue it would wait behind all untried candidates.
    """
    before = study.get_trials(deepcopy=False)[network.trial]
    kept = {key: value for key, value in before.user_attrs.items() if key not in OF_A_WORKER}
    return begin(study, network.choices, kept | {PROMOTED_FROM: network.trial})


def _named(study: optuna.Study, trial_id: int) -> Trial:
    # Heartbeat before name: a named trial without heartbeats is put back at once, a nameless one after a while.
    if beat := getattr(study._storage, "record_heartbeat", None):  # a study in memory has no heartbeats
        beat(trial_id)
    study._storage.set_trial_user_attr(trial_id, WORKER, worker_name())
    study._thread_local.cached_all_trials = None  # as `Study.ask` does: a sampler sees the study of now
    return Trial(study, trial_id)


def tell(study: optuna.Study, trial: Trial, state: TrialState, values: Sequence[float] | None = None) -> None:
    """Finish a trial of this worker. Raises TakenOverError if another worker has taken over the trial."""
    try:
        if _state_of(study, trial) == TrialState.RUNNING:
            study.tell(trial, values, state)
            return
    except (UpdateFinishedTrialError, ValueError):
        # Finished by another worker; or by this one, whose first try arrived although its answer was lost.
        if _state_of(study, trial) == TrialState.RUNNING:
            raise  # the values are invalid
    if _state_of(study, trial) != state:
        raise TakenOverError


def _state_of(study: optuna.Study, trial: Trial) -> TrialState:
    return study._storage.get_trial(trial._trial_id).state


class Heart:
    """Keeps a trial alive while this process holds it, and reports when another worker has taken over.

    The thread outlives every error of the database. Each beat records the steps of the training, so that progress since
    the previous worker's death is known if this worker dies.
    """

    def __init__(self, storage: SearchStorage, trial: Trial) -> None:
        self._storage, self._id = storage, trial._trial_id
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self.step = 0
        """Steps of the training so far; the training sets it."""
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
            except UpdateFinishedTrialError:  # finished in this moment, by this worker or by another
                self.is_lost = True
                return
            except FAULTS:
                self._storage.forget()  # the next beat may get through
