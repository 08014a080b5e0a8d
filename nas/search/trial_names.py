"""The name of a network in its run: the number of its first trial, however many trials the network has.

A paused network that is promoted, and a network whose worker died, continue in a new trial with another number. Users
see one number for all of them. They may give any.
"""

from collections.abc import Iterable, Mapping

from optuna.trial import FrozenTrial, TrialState

from nas.search.history import RUNGS

PROMOTED_FROM = "promoted_from"
"""User attribute: the number of the trial that a promoted trial continues."""

_CLAIMED, _FINGERPRINT, _NAME, _RETRIED = "claimed", "fingerprint", "name", "retry_history"


def first_trials(trials: Iterable[FrozenTrial]) -> dict[int, int]:
    """Return the number of the first trial of its network for the number of each trial.

    `trials` are all trials of a study in their order. A trial that was refused, or that has not claimed its network
    yet, never gives its number to a network that another trial trains: the name that was shown for it stays.
    """
    firsts: dict[int, int] = {}
    of_network: dict[str, int] = {}
    refused: dict[int, str] = {}
    for trial in trials:
        fingerprint, before = trial.user_attrs.get(_FINGERPRINT), _continued(trial)
        number = trial.number if before is None else firsts.get(before, before)
        firsts[trial.number] = number
        if fingerprint is None:
            continue
        if before is None and _is_refused(trial):
            refused[trial.number] = fingerprint
        else:
            firsts[trial.number] = of_network.setdefault(fingerprint, number)
    return firsts | {number: of_network.get(fingerprint, number) for number, fingerprint in refused.items()}


def label_of(trial: FrozenTrial, run: str, firsts: Mapping[int, int]) -> str:
    """Return the name of a trial's network: `falsr/FALSR-B` for a published network, else `RUN:TRIAL`."""
    return published_name(trial) or f"{run}:{firsts.get(trial.number, trial.number)}"


def published_name(trial: FrozenTrial) -> str:
    """Return the name of the published network of a trial; empty for another network."""
    return str(trial.user_attrs.get(_NAME, ""))


def numbers_of(trial: int, firsts: Mapping[int, int]) -> list[int]:
    """Return the numbers of all trials of the network of a trial, the first trial, which is its name, first."""
    first = firsts.get(trial, trial)
    return [first, *sorted(number for number, named in firsts.items() if named == first and number != first)]


def _continued(trial: FrozenTrial) -> int | None:
    """Return the number of a trial that this trial continues; None for a trial that began anew."""
    history = trial.system_attrs.get(_RETRIED) or [None]
    before: int | None = trial.user_attrs.get(PROMOTED_FROM, history[0])
    return before


def _is_refused(trial: FrozenTrial) -> bool:
    """Return whether a trial was refused as a duplicate, or may still be."""
    if RUNGS in trial.user_attrs:
        return False
    return trial.state == TrialState.PRUNED or (trial.state == TrialState.RUNNING and _CLAIMED not in trial.user_attrs)
