"""The measured networks of a study: what samplers, screens and rungs learn from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from nas.objectives import OBJECTIVES
from search_spaces import Choices

INTERRUPTED = "interrupted"
"""Value of the user attribute `stopped` of a trial that was stopped from outside: by its user, or with its process."""

STOPPED = "stopped"
"""User attribute: why a trial ended before its last step. A trial whose worker died lacks the attribute."""

MAX_RETRIES = 3
"""How often a network is tried again after its worker died: a network that kills its worker must not do so for ever."""

RUNGS = "rungs"
"""User attribute: the figures that were measured on the rungs, steps → figures, e.g. psnr in dB and ssim."""

REACHED = "reached"
"""User attribute: the number of steps at the last heartbeat of the worker."""

CRASHES, CRASHED_AT = "crashes", "crashed_at"
"""User attributes: how many workers died in a row without training the network further, and its steps then."""

WORKER = "worker"
"""User attribute: the name of the process that trains a trial. It is written after the first heartbeat."""

OF_A_WORKER = (WORKER, STOPPED, "claimed")
"""User attributes that belong to the worker of a trial; the next worker writes its own."""

SEED = "seed"
"""User attribute of a queued seed that was scaled to the budget: its design and size, `SESR x9, 16 ch`."""

FIXED = "fixed_params"
"""Optuna's system attribute with the choices of a queued trial."""


@dataclass(frozen=True)
class MeasuredNetwork:
    """A measured network. Several trials of one network are merged into one `MeasuredNetwork`."""

    fingerprint: str
    choices: Choices
    costs: Mapping[str, float]
    """macs, params, and the other costs that the search asks for."""
    rungs: Mapping[int, Mapping[str, float]]
    """Steps → the figures measured there, by increasing steps."""
    trial: int
    """The number of the trial that was trained furthest; the latest of several."""
    is_open: bool = True
    """Whether the network may be promoted: it is not in training, not queued, and has not failed."""
    step_seconds: float | None = None
    """Seconds for a step, with a share of the validations; None if not yet measured."""

    @property
    def steps(self) -> int:
        """The number of steps that the network was trained for."""
        return max(self.rungs)

    @property
    def figures(self) -> dict[str, float]:
        """The costs, and the figures of the last measurement."""
        return {**self.costs, **self.rungs[self.steps]}


def history(trials: Iterable[FrozenTrial]) -> list[MeasuredNetwork]:
    """Return the measured networks of a study, in the order in which they were first tried."""
    measured: dict[str, MeasuredNetwork] = {}
    for trial in trials:
        if (network := _measured(trial)) is None:
            continue
        before = measured.get(network.fingerprint)
        if before is not None:
            rungs = dict(sorted({**before.rungs, **network.rungs}.items()))
            farthest = network if network.steps >= before.steps else before
            network = replace(
                farthest,
                rungs=rungs,
                is_open=before.is_open and network.is_open,
                step_seconds=network.step_seconds or before.step_seconds,
            )
        measured[network.fingerprint] = network
    return list(measured.values())


def _measured(trial: FrozenTrial) -> MeasuredNetwork | None:
    attributes: Mapping[str, Any] = trial.user_attrs
    rungs = {int(steps): dict(figures) for steps, figures in attributes.get(RUNGS, {}).items()}
    if not rungs:
        return None
    choices = trial.params or trial.system_attrs.get(FIXED, {})  # a queued trial has no params yet
    costs = {o.name: attributes[o.name] for o in OBJECTIVES.in_order() if o.is_cost and o.name in attributes}
    is_busy = trial.state in (TrialState.RUNNING, TrialState.WAITING)
    is_open = not is_busy and not (trial.state == TrialState.FAIL and has_failed(trial))
    return MeasuredNetwork(
        attributes["fingerprint"], dict(choices), costs, rungs, trial.number, is_open, _step_seconds(attributes)
    )


def _step_seconds(attributes: Mapping[str, Any]) -> float | None:
    if not attributes.get("steps") or "train_seconds" not in attributes:
        return None
    seconds = attributes["train_seconds"] + attributes.get("validation_seconds", 0.0)
    return float(seconds / attributes["steps"])


def has_failed(trial: FrozenTrial) -> bool:
    """Return whether a trial in the state FAIL is lost for good: by a fault of its own, or after too many crashes."""
    return not is_interrupted(trial) or (has_crashed(trial) and crashes_with(trial) > MAX_RETRIES)


def has_crashed(failed: FrozenTrial) -> bool:
    """Return whether a failed trial died with its worker; a trial that was stopped on purpose has `stopped`."""
    return STOPPED not in failed.user_attrs


def crashes_with(crashed: FrozenTrial) -> int:
    """Return how many workers died in a row, including that of this trial, without training the network further."""
    before = int(crashed.user_attrs.get(CRASHES, 0))
    return 1 if reached(crashed) > crashed.user_attrs.get(CRASHED_AT, -1) else before + 1


def reached(trial: FrozenTrial) -> int:
    """Return the number of steps that a trial has certainly made."""
    return max(int(trial.user_attrs.get(REACHED, 0)), *map(int, trial.user_attrs.get(RUNGS, {})), 0)


def is_interrupted(failed: FrozenTrial) -> bool:
    """Return whether a failed trial was stopped from outside: by its user, or with its process."""
    return bool(failed.user_attrs.get(STOPPED, INTERRUPTED) == INTERRUPTED)
