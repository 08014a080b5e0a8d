"""How workers settle who trains a candidate: each network once, and no more than were asked for."""

import math
import time

import optuna
from optuna.trial import FrozenTrial, TrialState

from nas.search.history import RUNGS, has_failed, history
from search_spaces import Architecture

_CLAIM_SECONDS = 30.0
"""How long a worker waits for another that has said what it has but then does nothing: it has died there."""


class EnoughError(Exception):
    """The candidates of other workers already make up the run's number."""


def claim(study: optuna.Study, trial: optuna.Trial, architecture: Architecture, wanted: int | None) -> None:
    """Take a candidate for this worker, unless its network is known or the others make up the `wanted` number, if any.

    One that was promoted is of a network that is known, but mustn't have gone on elsewhere.

    Workers may do this at the same moment, so each first says what it has, then looks around. Of two that see each
    other the lower trial number goes on; the lower waits for the higher, which may have looked before the lower
    said anything and then is about to claim. Raises TrialPruned or EnoughError.
    """
    trial.set_user_attr("fingerprint", architecture.fingerprint)
    rung = _last_rung(trial)
    deadline = time.monotonic() + _CLAIM_SECONDS
    while time.monotonic() < deadline:
        others = [t for t in study.get_trials(deepcopy=False) if t.number != trial.number]
        running = [t for t in others if t.state == TrialState.RUNNING and "fingerprint" in t.user_attrs]
        ahead = [t for t in running if "claimed" in t.user_attrs or t.number < trial.number]
        same = [t for t in others if _holds(t, architecture, rung)]
        for rival in same:
            if rival.state != TrialState.RUNNING or rival in ahead:
                raise optuna.TrialPruned(f"duplicate of {rival.number}")
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
    """Tell whether `trial` is the same network and was trained beyond `rung`, is being or will be, or has failed."""
    if trial.user_attrs.get("fingerprint") != architecture.fingerprint:
        return False
    if trial.state == TrialState.FAIL:
        return has_failed(trial)
    return trial.state != TrialState.PRUNED or _last_rung(trial) > rung


def _last_rung(trial: FrozenTrial | optuna.Trial) -> int:
    """Return how many steps a trial was trained for when it was last measured; 0 before its first rung."""
    return max(map(int, trial.user_attrs.get(RUNGS, {})), default=0)
