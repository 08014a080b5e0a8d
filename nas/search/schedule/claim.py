"""How workers agree on who trains a candidate: each network once, and no more candidates than were asked for."""

import math
import time

import optuna
from optuna.trial import FrozenTrial, TrialState

from nas.search.history import RUNGS, has_failed, history
from nas.search.trial_names import first_trials
from search_spaces import Architecture

_CLAIM_SECONDS = 30.0
"""How long a worker waits for another worker that has announced its network but does not claim it: it may be dead."""


class EnoughError(Exception):
    """The candidates of other workers already make up the number of trials of the run."""


def claim(study: optuna.Study, trial: optuna.Trial, architecture: Architecture, wanted: int | None) -> None:
    """Claim a candidate for this worker.

    The protocol, which several workers may follow at the same moment:

    1. Announce: write the fingerprint of the network into the trial. Then read the other running trials.
    2. Of two workers that see each other's announcement, the lower trial number has priority.
    3. The lower number still waits until the higher number has claimed or given up: the higher number may have read the
       trials before the lower number announced its network, and then is about to claim.
    4. Claim: write `claimed` into the trial.

    A promoted trial is of a known network; it is refused only if another trial has trained the network further.

    Args:
        wanted: Number of candidates of the run; None if only the time limits them.

    Raises:
        TrialPruned: The network is known, or another worker trains it.
        EnoughError: The other workers' candidates make up `wanted`.
    """
    trial.set_user_attr("fingerprint", architecture.fingerprint)
    rung = _last_rung(trial)
    deadline = time.monotonic() + _CLAIM_SECONDS
    while time.monotonic() < deadline:
        trials = study.get_trials(deepcopy=False)
        others = [t for t in trials if t.number != trial.number]
        running = [t for t in others if t.state == TrialState.RUNNING and "fingerprint" in t.user_attrs]
        ahead = [t for t in running if "claimed" in t.user_attrs or t.number < trial.number]
        same = [t for t in others if _holds(t, architecture, rung)]
        for rival in same:
            if rival.state != TrialState.RUNNING or rival in ahead:
                raise optuna.TrialPruned(f"duplicate of {first_trials(trials)[rival.number]}")
        left = math.inf if wanted is None else wanted - len(history(others))
        if not rung and sum(not _last_rung(t) for t in ahead) >= left:
            raise EnoughError
        if not same and (rung or sum(not _last_rung(t) for t in running) < left):
            break
        if len(running) == len(ahead):
            break
        time.sleep(0.05)
    trial.set_user_attr("claimed", True)


def _holds(trial: FrozenTrial, architecture: Architecture, rung: int) -> bool:
    """Return whether `trial` has the same network and was, is or will be trained beyond `rung`, or has failed."""
    if trial.user_attrs.get("fingerprint") != architecture.fingerprint:
        return False
    if trial.state == TrialState.FAIL:
        return has_failed(trial)
    return trial.state != TrialState.PRUNED or _last_rung(trial) > rung


def _last_rung(trial: FrozenTrial | optuna.Trial) -> int:
    """Return the number of steps at the last measurement of a trial; 0 before its first rung."""
    return max(map(int, trial.user_attrs.get(RUNGS, {})), default=0)
