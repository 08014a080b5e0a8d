"""Searches whose trainings are a formula: PSNR from the cost and the kinds of the cells of `tiles`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.trial import TrialState
from searches import settings

from nas.budget import refusal
from nas.cost import ScreeningCost
from nas.objectives import resolve
from nas.pareto import hypervolume, losses
from nas.search.history import RUNGS
from nas.search.samplers import SAMPLERS, make_sampler
from nas.search.samplers.problem import Problem
from nas.search.settings import Settings
from search_spaces import Choices, load_plugin

PLUGIN = Path(__file__).parents[3] / "spaces" / "tiles.py"
BUDGET = "300M-MACs"
OURS = ("random", "spread", "local", "falsr")
BORROWED = ("tpe", "nsga2", "nsga3")

Formula = Callable[[Choices, ScreeningCost], float]


def tiles(**changed: Any) -> Settings:
    """Settings of a search in `tiles`."""
    load_plugin(PLUGIN)
    asked: dict[str, Any] = {
        "space": "tiles", "budgets": (BUDGET,), "hr_size": (320, 240), "fixed": {}, "trials": 40, "sampler": "random",
    }  # fmt: skip
    return settings(**(asked | changed))


def plain_is_best(choices: Choices, cost: ScreeningCost) -> float:
    """Half a dB for each plain cell, a tenth for each doubling of the cost."""
    return 30 + 0.5 * sum(value == "plain" for value in choices.values()) + 0.1 * float(np.log2(cost.macs / 1e6))


def study_of(asked: Settings, worker: int = 0, score: Any = None) -> optuna.Study:
    study = optuna.create_study(directions=["maximize", "minimize"])
    study.sampler = make_sampler(asked, worker, score=score)
    return study


def ask(study: optuna.Study, asked: Settings) -> tuple[optuna.Trial, dict[str, Any]]:
    trial = study.ask()
    return trial, dict(asked.searched.suggest(trial))


def tell(study: optuna.Study, asked: Settings, trial: optuna.Trial, choices: Choices, formula: Formula) -> bool:
    """Let the formula train a candidate; returns whether it was refused."""
    draw = Problem.of(asked).draw(choices)
    known = {t.user_attrs["fingerprint"] for t in study.get_trials() if "fingerprint" in t.user_attrs}
    if refusal(asked.budgets, draw.cost) or draw.architecture.fingerprint in known:
        study.tell(trial, state=TrialState.PRUNED)
        return True
    psnr = formula(choices, draw.cost)
    attributes: Mapping[str, Any] = {
        "fingerprint": draw.architecture.fingerprint,
        "macs": draw.cost.macs,
        "params": draw.cost.params,
        RUNGS: {"100": {"psnr": psnr, "ssim": 0.9}},
    }
    for name, value in attributes.items():
        trial.set_user_attr(name, value)
    study.tell(trial, [psnr, draw.cost.macs / 1e9])
    return False


def search(asked: Settings, formula: Formula = plain_is_best, score: Any = None) -> optuna.Study:
    """Search to the end, and return the study."""
    study = study_of(asked, score=score)
    while sum(trial.state == TrialState.COMPLETE for trial in study.get_trials(deepcopy=False)) < asked.trials:
        tell(study, asked, *ask(study, asked), formula)
    return study


def volume(study: optuna.Study) -> float:
    """The hypervolume of the front, in dB times octaves, over 30 dB and up to 300 M multiply-adds."""
    done = [t.user_attrs for t in study.get_trials(states=(TrialState.COMPLETE,))]
    figures = [{"psnr": float(a[RUNGS]["100"]["psnr"]), "macs": float(a["macs"])} for a in done]
    return hypervolume(losses(figures, resolve(("psnr", "macs"))), (-30.0, float(np.log2(300e6))))


def names() -> list[str]:
    return SAMPLERS.names()
