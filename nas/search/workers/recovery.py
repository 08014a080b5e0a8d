"""Recovery of trials whose worker died or went silent: they are found and put back into the queue."""

import copy
import time
from collections.abc import Callable

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, TrialState

from nas.search.history import (
    CRASHED_AT,
    CRASHES,
    FIXED,
    MAX_RETRIES,
    OF_A_WORKER,
    WORKER,
    crashes_with,
    has_crashed,
    has_failed,
    reached,
)
from nas.search.storage.database import SearchStorage
from nas.search.trial_names import first_trials, published_name
from nas.search.workers.identity import is_dead

FINGERPRINT = "fingerprint"

Say = Callable[[str], None]


class Recovery:
    """Puts trials back that nobody trains any more. Each worker of a study looks for such trials.

    Two workers may find and put back the same trial at one moment. That costs nothing, since the second trial of a
    network is refused as a duplicate. What must not happen is that no worker puts the trial back.
    """

    def __init__(self, study: optuna.Study, storage: SearchStorage, say: Say) -> None:
        self._study, self._storage, self._say = study, storage, say
        self._grace = float(storage.grace_period or 0)
        self._seen: dict[tuple[int, TrialState], float] = {}
        self._is_first_look = True
        # Optuna calls this for each trial without heartbeats, after it has marked the trial as failed.
        storage.heartbeat_stale_trial_callback = lambda study, trial: put_back(study, trial, say)

    def look(self) -> None:
        """Fail the trials whose worker is gone, and put back those that nobody has put back.

        A worker may be killed between taking a trial and writing its name, or between marking a trial as failed and
        putting it back. Such trials are recognised when they stay in this state for the grace period, measured by this
        process's clock.
        """
        optuna.storages.fail_stale_trials(self._study)
        trials = self._study.get_trials(deepcopy=False)
        odd = {(t.number, t.state): t for t in trials if _is_nameless(t) or _is_forgotten(t, trials)}
        now = time.monotonic()
        self._seen = {key: self._seen.get(key, now) for key in odd}
        for trial in trials:
            if trial.state == TrialState.RUNNING and is_dead(trial.user_attrs.get(WORKER, "")):
                self._fail(trial)
        for key, trial in odd.items():
            is_old = now - self._seen[key] >= self._grace
            if trial.state == TrialState.RUNNING and is_old:
                self._fail(trial)
            # At the first look no other worker may be there to do it; if one is, the trial is put back twice.
            elif trial.state == TrialState.FAIL and (is_old or self._is_first_look):
                put_back(self._study, trial, self._say)
        self._is_first_look = False

    def _fail(self, trial: FrozenTrial) -> None:
        try:
            if not self._study._storage.set_trial_state_values(trial._trial_id, state=TrialState.FAIL):
                return
        except UpdateFinishedTrialError:  # another worker was faster
            return
        put_back(self._study, self._study._storage.get_trial(trial._trial_id), self._say)

    @property
    def unclear(self) -> list[int]:
        """The numbers of the trials that are still in their grace period."""
        return sorted(number for number, _ in self._seen)


def _is_nameless(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.RUNNING and WORKER not in trial.user_attrs


def _is_forgotten(trial: FrozenTrial, trials: list[FrozenTrial]) -> bool:
    """Return whether a trial was interrupted, has not failed for good, and is not continued by a later trial."""
    if trial.state != TrialState.FAIL or has_failed(trial) or not _is_settled(trial):
        return False
    return not any(_goes_on_with(later, trial) for later in trials[trial.number + 1 :])


def _goes_on_with(later: FrozenTrial, trial: FrozenTrial) -> bool:
    if trial.number in later.system_attrs.get("retry_history", []):
        return True
    fingerprint = trial.user_attrs.get(FINGERPRINT)
    return fingerprint is not None and later.user_attrs.get(FINGERPRINT) == fingerprint


def _is_settled(trial: FrozenTrial) -> bool:
    """Return whether the network of a trial is known: the trial was queued, or all its choices were drawn."""
    return FIXED in trial.system_attrs or FINGERPRINT in trial.user_attrs


def put_back(study: optuna.Study, failed: FrozenTrial, say: Say) -> None:
    """Put a failed trial back into the queue with its choices, so that it continues from its checkpoint.

    A network is given up, with a message, after `MAX_RETRIES` + 1 workers died without training it further; stops by
    the user do not count. A trial whose choices were still being drawn is not put back: nothing is lost.
    """
    if not _is_settled(failed):
        return
    number = first_trials(study.get_trials(deepcopy=False)).get(failed.number, failed.number)
    label = published_name(failed) or f"trial {number}"
    kept = {key: value for key, value in failed.user_attrs.items() if key not in OF_A_WORKER}
    if has_crashed(failed):
        crashes = crashes_with(failed)
        if crashes > MAX_RETRIES:
            say(f"{label} is given up: {crashes} workers died while training it, and none trained it further")
            return
        kept |= {CRASHES: crashes, CRASHED_AT: reached(failed)}
        say(f"{label} lost its worker; it goes back into the queue")
    again = copy.deepcopy(failed)
    again.user_attrs = kept
    if failed.params:
        again.system_attrs[FIXED] = {**failed.system_attrs.get(FIXED, {}), **failed.params}
    RetryHeartbeatStaleTrialCallback()(study, again)
