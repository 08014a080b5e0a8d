"""What a search can do in the time that its user has: how many candidates, and how long each is trained."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nas.data.dataset import Dataset
from nas.training.recipe import Recipe
from nas.training.trainer import Report, Rungs, seed_all, train
from proxies import OnRungs, Proxy
from search_spaces import Architecture

USUAL_TRIALS = 40
"""So many candidates make a search worth its while; with more time, both their number and their trainings grow."""
LEAST_SHARE = 1 / 3
"""A recipe is shortened to no less than this share of its steps; in less time there are fewer candidates."""
_PLANNED = 0.7
"""The share of the time that is planned; the rest is for refused candidates and for training the front to its end."""
_WARM_UP, _TIMED = 3, 6
"""Steps of a training that measures the speed."""


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


def make_plan(speed: Speed, proxy: Proxy, recipe: Recipe, seconds: float, *, may_change_steps: bool) -> Plan:
    """Return how many candidates of how many steps fit into `seconds` (times the number of workers).

    Twice the time is spent evenly on more candidates and on longer trainings.
    """
    time = _PLANNED * seconds
    steps = recipe.steps
    if may_change_steps:
        usual = USUAL_TRIALS * speed.of_candidate(proxy, steps)
        steps = max(1, round(steps * max(LEAST_SHARE, math.sqrt(time / usual))))
    return Plan(max(1, int(time / speed.of_candidate(proxy, steps))), steps)


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
