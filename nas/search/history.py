"""What a study knows of the networks that it has measured, for whatever learns from it: samplers, screens, rungs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from nas.objectives import OBJECTIVES
from search_spaces import Choices

INTERRUPTED = "interrupted"
"""The user attribute `stopped` of a trial that was stopped from outside: by its user, or with its process."""

STOPPED = "stopped"
"""The user attribute of a trial that says why it ended before its last step; one whose worker died has none."""

MAX_RETRIES = 3
"""How often a network is tried again whose worker died: one that kills its worker must not do so for ever."""

RUNGS = "rungs"
"""The user attribute of a trial that holds what was measured on the way: steps → figures, e.g. psnr in dB and ssim."""

REACHED = "reached"
"""The user attribute of a trial for how many steps were made when its worker last had a heartbeat."""

CRASHES, CRASHED_AT = "crashes", "crashed_at"
"""The user attributes for how many workers died in a row without getting a network farther, and how far it was then."""

WORKER = "worker"
"""The user attribute that names the process that trains a trial; it is written after its first heartbeat."""

OF_A_WORKER = (WORKER, STOPPED, "claimed")
"""The user attributes of a trial that are its worker's; the next worker writes its own."""

FIXED = "fixed_params"
"""Optuna's system attribute that holds the choices of a trial that was queued."""


@dataclass(frozen=True)
class Known:
    """A network that was measured, as far as it was trained; several trials of it are one."""

    fingerprint: str
    choices: Choices
    costs: Mapping[str, float]
    """What is known without training: macs, params, and other costs where they are asked for."""
    rungs: Mapping[int, Mapping[str, float]]
    """Steps → the figures measured there, by increasing steps."""
    trial: int
    """The one of its trials that was trained farthest, of several the latest."""
    is_open: bool = True
    """Whether it may be trained on: it is not being trained, is not waiting for that, and has not failed."""
    step_seconds: float | None = None
    """What a step took, validations shared out over the steps; None where nobody has told yet."""

    @property
    def steps(self) -> int:
        """How far it was trained."""
        return max(self.rungs)

    @property
    def figures(self) -> dict[str, float]:
        """Its costs, and what was measured last."""
        return {**self.costs, **self.rungs[self.steps]}


def history(trials: Iterable[FrozenTrial]) -> list[Known]:
    """Return what is known of the measured networks of a study, in the order in which they were first tried."""
    known: dict[str, Known] = {}
    for trial in trials:
        if (one := _known(trial)) is None:
            continue
        before = known.get(one.fingerprint)
        if before is not None:
            rungs = dict(sorted({**before.rungs, **one.rungs}.items()))
            farthest = one if one.steps >= before.steps else before
            one = replace(
                farthest,
                rungs=rungs,
                is_open=before.is_open and one.is_open,
                step_seconds=one.step_seconds or before.step_seconds,
            )
        known[one.fingerprint] = one
    return list(known.values())


def _known(trial: FrozenTrial) -> Known | None:
    attributes: Mapping[str, Any] = trial.user_attrs
    rungs = {int(steps): dict(figures) for steps, figures in attributes.get(RUNGS, {}).items()}
    if not rungs:
        return None
    choices = trial.params or trial.system_attrs.get(FIXED, {})  # those of a trial that waits
    costs = {o.name: attributes[o.name] for o in OBJECTIVES.in_order() if o.is_cost and o.name in attributes}
    is_busy = trial.state in (TrialState.RUNNING, TrialState.WAITING)
    is_open = not is_busy and not (trial.state == TrialState.FAIL and has_failed(trial))
    return Known(
        attributes["fingerprint"], dict(choices), costs, rungs, trial.number, is_open, _step_seconds(attributes)
    )


def _step_seconds(attributes: Mapping[str, Any]) -> float | None:
    if not attributes.get("steps") or "train_seconds" not in attributes:
        return None
    seconds = attributes["train_seconds"] + attributes.get("validation_seconds", 0.0)
    return float(seconds / attributes["steps"])


def has_failed(trial: FrozenTrial) -> bool:
    """Tell whether a trial in the state FAIL is lost for good: by a fault of its own, or after too many crashes."""
    return not is_interrupted(trial) or (has_crashed(trial) and crashes_with(trial) > MAX_RETRIES)


def has_crashed(failed: FrozenTrial) -> bool:
    """Tell whether a failed trial went with its worker; one that was stopped on purpose says so."""
    return STOPPED not in failed.user_attrs


def crashes_with(crashed: FrozenTrial) -> int:
    """Return how many workers died in a row over a network, the last with this trial, without getting it farther."""
    before = int(crashed.user_attrs.get(CRASHES, 0))
    return 1 if reached(crashed) > crashed.user_attrs.get(CRASHED_AT, -1) else before + 1


def reached(trial: FrozenTrial) -> int:
    """Return how many steps a trial is known to have made."""
    return max(int(trial.user_attrs.get(REACHED, 0)), *map(int, trial.user_attrs.get(RUNGS, {})), 0)


def is_interrupted(failed: FrozenTrial) -> bool:
    """Tell whether a failed trial was stopped from outside: by its user, or with its process."""
    return bool(failed.user_attrs.get(STOPPED, INTERRUPTED) == INTERRUPTED)


def lifted(known: Sequence[Known]) -> list[dict[str, float]]:
    """Return the figures of all, of those trained less as they would be at the most steps that any was trained.

    What is added to a figure at a rung is the median of what networks gained from there to the next, where any did; so
    networks of all rungs can be compared.
    """
    levels = sorted({steps for one in known for steps in one.rungs})
    names = {name for one in known for figures in one.rungs.values() for name in figures}
    gains = {
        (low, name): float(np.median(steps)) if (steps := _gains(known, low, high, name)) else 0.0
        for low, high in pairwise(levels)
        for name in names
    }
    figures = []
    for one in known:
        missing = [level for level in levels[:-1] if level >= one.steps]
        quality = {n: v + sum(gains[level, n] for level in missing) for n, v in one.rungs[one.steps].items()}
        figures.append({**one.costs, **quality})
    return figures


def _gains(known: Sequence[Known], low: int, high: int, name: str) -> list[float]:
    both = [one.rungs for one in known if name in one.rungs.get(low, ()) and name in one.rungs.get(high, ())]
    return [rungs[high][name] - rungs[low][name] for rungs in both]
