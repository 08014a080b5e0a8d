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

MAX_RETRIES = 3
"""How often a trial whose worker died is tried again: a candidate that kills its worker must not do so for ever."""

RUNGS = "rungs"
"""The user attribute of a trial that holds what was measured on the way: steps → figures, e.g. psnr in dB and ssim."""


@dataclass(frozen=True)
class Known:
    """A network that was measured, as far as it was trained; several trials of it are one."""

    fingerprint: str
    choices: Choices
    costs: Mapping[str, float]
    """What is known without training: macs, params, and latency and memory where they are asked for."""
    rungs: Mapping[int, Mapping[str, float]]
    """Steps → the figures measured there, by increasing steps."""
    trial: int
    """The one of its trials that was trained farthest, of several the latest."""
    is_open: bool = True
    """Whether it may be trained on: it is not being trained, is not waiting for that, and has not failed."""

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
            one = replace(farthest, rungs=rungs, is_open=before.is_open and one.is_open)
        known[one.fingerprint] = one
    return list(known.values())


def _known(trial: FrozenTrial) -> Known | None:
    attributes: Mapping[str, Any] = trial.user_attrs
    rungs = {int(steps): dict(figures) for steps, figures in attributes.get(RUNGS, {}).items()}
    if not rungs and trial.state == TrialState.COMPLETE and "steps" in attributes:  # from before there were rungs
        rungs = {int(attributes["steps"]): {name: attributes[name] for name in ("psnr", "ssim") if name in attributes}}
    if not rungs:
        return None
    choices = trial.params or trial.system_attrs.get("fixed_params", {})  # those of a trial that waits
    costs = {name: attributes[name] for name, o in OBJECTIVES.items() if o.is_cost and name in attributes}
    is_busy = trial.state in (TrialState.RUNNING, TrialState.WAITING)
    is_open = not is_busy and not (trial.state == TrialState.FAIL and has_failed(trial))
    return Known(attributes["fingerprint"], dict(choices), costs, rungs, trial.number, is_open)


def has_failed(trial: FrozenTrial) -> bool:
    """Tell whether a trial in the state FAIL is lost for good: by a fault of its own, or after too many crashes."""
    return not is_interrupted(trial) or trial.user_attrs.get("crashes", 0) >= MAX_RETRIES


def is_interrupted(failed: FrozenTrial) -> bool:
    """Tell whether a failed trial was stopped from outside: by its user, or with its process."""
    return bool(failed.user_attrs.get("stopped", INTERRUPTED) == INTERRUPTED)


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
