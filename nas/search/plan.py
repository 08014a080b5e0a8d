"""What a search can do in the time that its user has: how many candidates, and how long each is trained."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nas.data.dataset import Dataset
from nas.search.samplers.problem import Problem
from nas.search.settings import Settings
from nas.training.recipe import Recipe
from nas.training.trainer import Report, Rungs, seed_all, train
from proxies import PROXIES, OnRungs, Proxy
from search_spaces import Architecture

USUAL_TRIALS = 40
"""So many candidates make a search worth its while; with more time, both their number and their trainings grow."""
LEAST_SHARE = 1 / 3
"""A recipe is shortened to no less than this share of its steps; in less time there are fewer candidates."""
_PLANNED = 0.7
"""The share of the time that is planned; the rest is for refused candidates and for training the front to its end."""
_CANDIDATES, _WARM_UP, _TIMED = 6, 3, 6
"""The speed is that of so many candidates, of each in so many steps."""


@dataclass(frozen=True)
class Speed:
    """Seconds, as means over some candidates."""

    step: float
    validation: float

    def of_candidate(self, proxy: Proxy, steps: int) -> float:
        """Return what a candidate takes whose whole training has so many steps, if all go as far as rungs let them."""
        if not isinstance(proxy, OnRungs):
            return steps * self.step + self.validation
        seconds, share, before = 0.0, 1.0, 0
        for rung in (*proxy.rungs(steps), steps):
            seconds += share * ((rung - before) * self.step + self.validation)
            share, before = share / proxy.reduction, rung
        return seconds


@dataclass(frozen=True)
class Plan:
    """What fits into the time."""

    trials: int
    steps: int
    """Of the whole training of a candidate."""


@dataclass(frozen=True)
class Given:
    """What the user has said, and so is kept."""

    trials: int | None = None
    keeps_steps: bool = False


def planned(settings: Settings, data: Dataset, device: torch.device, seconds: float, given: Given) -> Settings:
    """Return the settings of a new search with what fits into `seconds` of all its workers together.

    Trains some random candidates for a few steps, to see how fast `device` is.
    """
    problem, rng = Problem.of(settings), np.random.default_rng(settings.seed)
    candidates = [problem.architecture(problem.spread(rng)) for _ in range(_CANDIDATES)]
    torch.set_num_threads(settings.threads)
    speed = measure_speed(candidates, data, settings.recipe, device)
    plan = make_plan(speed, PROXIES.get(settings.proxy), settings.recipe.steps, seconds, given)
    recipe = settings.recipe.model_copy(update={"steps": plan.steps})
    return settings.model_copy(update={"trials": plan.trials, "recipe": recipe})


def make_plan(speed: Speed, proxy: Proxy, steps: int, seconds: float, given: Given = Given()) -> Plan:
    """Return how many candidates fit into `seconds`, and how long each is trained where a recipe has so many `steps`.

    Four times the time is spent on twice the candidates and on trainings twice as long.
    """
    time = _PLANNED * seconds
    if not given.keeps_steps:
        usual = USUAL_TRIALS * speed.of_candidate(proxy, steps)
        longer = math.sqrt(time / usual) if given.trials is None else time / usual * USUAL_TRIALS / given.trials
        steps = max(1, round(steps * max(LEAST_SHARE, longer)))
    return Plan(given.trials or max(1, int(time / speed.of_candidate(proxy, steps))), steps)


def measure_speed(candidates: Sequence[Architecture], data: Dataset, recipe: Recipe, device: torch.device) -> Speed:
    """Train each of `candidates` for a few steps on `device`."""
    short = recipe.model_copy(update={"steps": _WARM_UP + _TIMED, "validations": 1})
    steps, validations = [], []
    for architecture in candidates:
        seed_all(architecture.seed)
        reports: list[Report] = []
        trained = train(
            architecture.build(),
            data,
            short,
            seed=architecture.seed,
            device=device,
            listener=reports.append,
            rungs=Rungs((_WARM_UP,)),  # what comes before it does not count
        )
        steps.append(short.phases[-1].batch / (reports[-1].patches_per_second or math.inf))
        validations.append(trained.validation_seconds / 2)
    return Speed(float(np.mean(steps)), float(np.mean(validations)))
