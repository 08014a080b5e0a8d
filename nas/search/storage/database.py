"""Optuna's storage, whose calls wait for a database that is away."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any, Concatenate, ParamSpec, TypeVar

from optuna.storages import RDBStorage
from optuna.trial import TrialState

from nas.search.storage.patience import FAULTS, Patience

P = ParamSpec("P")
R = TypeVar("R")


def _patient(method: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Any, P], R]:
    """Return a method of the storage that waits while the database is away."""

    def waiting(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        patience: Patience = self.patience
        return patience.call(lambda: method(self, *args, **kwargs))

    return waiting


ALONE: ContextVar[bool] = ContextVar("alone", default=False)
"""Whether a transaction that begins now locks the database against other writers (`nas.search.storage.opening`)."""


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Let transactions on SQLite inside lock the database against other writers from their beginning.

    SQLite has no SELECT … FOR UPDATE: two workers would both see the same queued trial, and both take it. Other
    transactions take the lock at their first write, so a reader waits for nobody.
    """
    token = ALONE.set(True)
    try:
        yield
    finally:
        ALONE.reset(token)


class SearchStorage(RDBStorage):
    """Optuna's storage, whose calls wait for a database that is away.

    A call whose answer was lost is repeated, so every call must tolerate a repetition. A repeated creation may leave a
    trial without a worker, which `nas.search.workers.recovery` finds.
    """

    patience: Patience

    create_new_study = _patient(RDBStorage.create_new_study)
    set_study_user_attr = _patient(RDBStorage.set_study_user_attr)
    set_study_system_attr = _patient(RDBStorage.set_study_system_attr)
    get_study_id_from_name = _patient(RDBStorage.get_study_id_from_name)
    get_study_name_from_id = _patient(RDBStorage.get_study_name_from_id)
    get_study_directions = _patient(RDBStorage.get_study_directions)
    get_study_user_attrs = _patient(RDBStorage.get_study_user_attrs)
    get_study_system_attrs = _patient(RDBStorage.get_study_system_attrs)
    get_all_studies = _patient(RDBStorage.get_all_studies)
    set_trial_user_attr = _patient(RDBStorage.set_trial_user_attr)
    set_trial_system_attr = _patient(RDBStorage.set_trial_system_attr)
    get_trial = _patient(RDBStorage.get_trial)
    record_heartbeat = _patient(RDBStorage.record_heartbeat)
    # Calls of the cache that Optuna puts before the database; they have no public names.
    _create_new_trial = _patient(RDBStorage._create_new_trial)
    _set_trial_param = _patient(RDBStorage._set_trial_param)
    _get_trials = _patient(RDBStorage._get_trials)
    _get_stale_trial_ids = _patient(RDBStorage._get_stale_trial_ids)

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """Change the state of a trial, while no other process can change it."""

        def change() -> bool:
            with _alone():
                return RDBStorage.set_trial_state_values(self, trial_id, state, values)

        return self.patience.call(change)

    def at_once(self) -> "SearchStorage":
        """Return this storage without waiting: a call fails at once while the database is away."""
        other = SearchStorage.__new__(SearchStorage)
        other.__dict__.update(self.__dict__)
        other.patience = Patience(0.0, self.patience.database)
        other.patience.forget = other.forget
        return other

    def forget(self) -> None:
        """Close the session of this thread after a lost connection; the next call opens another session."""
        with contextlib.suppress(*FAULTS):
            self.remove_session()

    # For the heartbeat thread, which tries again at the next beat:

    def beat(self, trial_id: int) -> None:
        """Record a heartbeat without waiting. Raises one of FAULTS."""
        RDBStorage.record_heartbeat(self, trial_id)

    def state_of(self, trial_id: int) -> TrialState:
        """Return the state of a trial without waiting. Raises one of FAULTS."""
        return RDBStorage.get_trial(self, trial_id).state

    def set_at_once(self, trial_id: int, key: str, value: int) -> None:
        """Set a trial's user attribute without waiting. Raises one of FAULTS."""
        RDBStorage.set_trial_user_attr(self, trial_id, key, value)
