"""The plan of a search with a `--time`: the number of candidates, and the length of their trainings."""

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nas.data.dataset import Dataset
from nas.errors import InputError
from nas.search.faults import in_words, is_the_networks
from nas.search.samplers.problem import Problem
from nas.search.settings import Settings
from nas.training.recipe import Recipe
from nas.training.report import Report
from nas.training.trainer import Pauses, seed_all, train
from search_spaces import Architecture

USUAL_TRIALS = 40
"""The usual number of candidates. With more time, both this number and the trainings grow."""
LEAST_SHARE = 1 / 3
"""A recipe keeps at least this share of its steps; with less time there are fewer candidates."""
_PLANNED = 0.7
"""The planned share of the time; the rest is for refused candidates and for training the front to its end."""
_CANDIDATES, _WARM_UP, _TIMED = 6, 3, 6
"""The speed is measured on this many candidates, each with this many steps of warm-up and of measurement."""
_MEASURED = 0.1
"""No candidate is measured after this share of the time."""


@dataclass(frozen=True)
class Speed:
    """Seconds, as means over some candidates."""

    step: float
    validation: float

    def of_candidate(self, rungs: Sequence[int], reduction: int) -> float:
        """Return the mean seconds for a candidate, if one of `reduction` candidates continues at each of `rungs`."""
        seconds, share, before = 0.0, 1.0, 0
        for rung in rungs:
            seconds += share * ((rung - before) * self.step + self.validation)
            share, before = share / reduction, rung
        return seconds


@dataclass(frozen=True)
class TimePlan:
    """What fits into the time."""

    trials: int
    rungs: tuple[int, ...]
    """In steps; the last is the whole training of a candidate."""


@dataclass(frozen=True)
class Given:
    """What the user has given, which the plan keeps."""

    trials: int | None = None
    keeps_steps: bool = False


def planned(
    settings: Settings, data: Dataset, device: torch.device, seconds: float, workers: int, given: Given
) -> Settings:
    """Return the settings of a new search with the candidates and steps that fit into `seconds` of each worker.

    Trains some random candidates for a few steps to measure the speed of `device`, within the same time.
    """
    problem, rng = Problem.of(settings), np.random.default_rng(settings.seed)
    candidates = (problem.architecture(problem.random_by_cost(rng)) for _ in range(_CANDIDATES))
    torch.set_num_threads(settings.threads)
    began = time.monotonic()
    speed = measure_speed(candidates, data, settings.recipe, device, _MEASURED * seconds)
    left = max(0.0, seconds - (time.monotonic() - began)) * workers
    plan = make_plan(speed, settings.rungs, settings.reduction, left, given)
    changes = {
        "trials": plan.trials,
        "is_planned": given.trials is None,
        "recipe": settings.recipe.model_copy(update={"steps": plan.rungs[-1]}),
        "rungs": plan.rungs,
    }
    return settings.model_copy(update=changes)


def make_plan(speed: Speed, rungs: Sequence[int], reduction: int, seconds: float, given: Given = Given()) -> TimePlan:
    """Return the number of candidates that fit into `seconds`, and their rungs.

    `rungs` are those of the recipe. Four times the time gives twice the candidates, with trainings twice as long.
    """
    available = _PLANNED * seconds
    if not given.keeps_steps:
        usual = USUAL_TRIALS * speed.of_candidate(rungs, reduction)
        longer = (
            math.sqrt(available / usual) if given.trials is None else available / usual * USUAL_TRIALS / given.trials
        )
        rungs = _scaled(rungs, max(LEAST_SHARE, longer))
    return TimePlan(given.trials or max(1, int(available / speed.of_candidate(rungs, reduction))), tuple(rungs))


def _scaled(rungs: Sequence[int], factor: float) -> tuple[int, ...]:
    """Return the rungs of a training that is `factor` times as long, each at the same share of the steps."""
    steps = max(1, round(rungs[-1] * factor))
    before = {steps * rung // rungs[-1] for rung in rungs[:-1]}
    return (*sorted(before - {0, steps}), steps)


def measure_speed(
    candidates: Iterable[Architecture], data: Dataset, recipe: Recipe, device: torch.device, seconds: float = math.inf
) -> Speed:
    """Train each of `candidates` for a few steps on `device`; start no training after `seconds`.

    A candidate that cannot be trained there, such as one that is too large, is left out. Raises InputError if all are.
    """
    short = recipe.model_copy(update={"steps": _WARM_UP + _TIMED, "validations": 1})
    steps: list[float] = []
    validations: list[float] = []
    began, reason = time.monotonic(), ""
    for architecture in candidates:
        if steps and time.monotonic() - began > seconds:
            break
        seed_all(architecture.seed)
        reports: list[Report] = []
        try:
            trained = train(
                architecture.build(),
                data,
                short,
                seed=architecture.seed,
                device=device,
                listener=reports.append,
                pauses=Pauses((_WARM_UP,)),  # the steps before the pause are not measured
            )
        except Exception as error:
            if not is_the_networks(error):
                raise
            reason = in_words(error)
            continue
        steps.append(short.phases[-1].batch / (reports[-1].patches_per_second or math.inf))
        validations.append(trained.validation_seconds / 2)
    if not steps:
        raise InputError(f"None of {_CANDIDATES} networks can be trained here to see how fast it is: {reason}.")
    return Speed(float(np.mean(steps)), float(np.mean(validations)))
