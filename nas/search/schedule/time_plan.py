"""The plan of a new search: which costs it can train here, how many candidates, and how long each is trained."""

import math
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from nas.budget import Budget, known_budgets
from nas.data.dataset import Dataset
from nas.duration import show_duration
from nas.errors import InputError
from nas.search.interest import EVERY_COST, lower_ends
from nas.search.interest import OCTAVES as OCTAVES_OF_INTEREST
from nas.search.samplers.problem import OCTAVES, Problem
from nas.search.schedule.speed import SpeedByCost, measure_speeds, seconds_of_candidate
from nas.search.settings import Settings
from nas.training.recipe import load_recipe
from nas.training.speed import Speed

USUAL_TRIALS = 40
"""The usual number of candidates. With more time, both this number and the trainings grow."""
LEAST_TRIALS = 16
"""A cost is within reach if this many candidates of that cost fit into the time."""
CLOSEST = 1.5
"""Each rung of a shortened training has at least this many times the steps of the rung before."""
LEAST_SHARE = 1 / 9
"""A recipe keeps at least this share of its steps; with less time there are fewer candidates."""
USUAL_SECONDS = 20 * 60.0
"""A search without a time shall not take much longer than this."""
_MOST_LONGER = 1e6
"""A training is lengthened at most by this factor."""
MOST_OF_FULL = 0.5
"""A training is lengthened to at most this share of the recipe `full`, unless the number of candidates is given. The
order of 20 published networks agrees with that after `full` by a tau of 0.91 after 0.46 of its steps, and of 0.92
after 0.7."""
_HALVINGS = 40
_PLANNED = 0.7
"""The planned share of the time; the rest is for refused candidates and for training the front to its end."""
_CANDIDATES = 6
"""The speed is measured on this many candidates."""
_MEASURED, _MOST_MEASURED = 0.05, 15.0
"""No candidate is measured after this share of the time, and after these seconds."""
_HALVED = 2
"""The speed is measured on networks within the budgets halved this often, since the most expensive take long."""
_NEGLIGIBLE = 1.5
"""A cost that makes a training at most this much longer than at no cost is never left out."""
_MOST_NARROWED = 2**10
"""The range is never narrowed by more than this factor."""
_CHEAP = 2e9
"""Any machine trains networks of this many multiply-adds (for 1280x720) in time."""


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
    keeps_range: bool = False


def planned(
    settings: Settings, data: Dataset, device: torch.device, seconds: float | None, workers: int, given: Given
) -> Settings:
    """Return the settings of a new search as they fit into `seconds` of each worker.

    Trains a few networks for some steps to measure the speed of `device`, within the same time. Networks that are too
    expensive for the time are left out of the search, with a warning that says what would fit. With a time, the number
    of candidates and the length of their trainings are planned, too; None: only the range, for `USUAL_SECONDS`.

    Raises InputError if the time is over before there is a plan.
    """
    began, whole = time.monotonic(), USUAL_SECONDS if seconds is None else seconds
    _check_time(whole)
    torch.set_num_threads(settings.threads)
    try:
        speeds, budget = _speeds(settings, data, device, min(_MEASURED * whole, _MOST_MEASURED))
    except InputError:  # no network can be trained
        if seconds is None:
            return settings  # the search itself will tell why
        raise
    left = (whole - (time.monotonic() - began)) * workers
    _check_time(left)
    high = _ends(settings, budget, given)[1]
    reach = None if given.keeps_range else _reach(settings, speeds, budget, left, given)
    if reach is not None:
        _warn_of_reach(settings, speeds, reach, Budget(int(high), budget.unit), whole)
        ends = {end.unit: end for end in settings.range_from} | {end.unit: end for end in lower_ends([reach], ())}
        tops = [reach if top.unit == reach.unit else top for top in settings.budgets]
        settings = settings.model_copy(update={"range_from": tuple(ends.values()), "range_to": tuple(tops)})
    if seconds is None:
        return settings
    low, high = _ends(settings, budget, given)
    longest = _longest_training(settings, device, given)
    plan = make_plan(speeds.over(low, high), settings.rungs, settings.reduction, left, longest, given)
    changes = {
        "trials": plan.trials,
        "is_planned": given.trials is None,
        "recipe": settings.recipe.model_copy(update={"steps": plan.rungs[-1]}),
        "rungs": plan.rungs,
    }
    return settings.model_copy(update=changes)


def _check_time(seconds: float) -> None:
    if seconds <= 0:
        raise InputError(
            "The time was over before a network could be trained, since the images and the speed of this machine come "
            "first; give a longer --time."
        )


def is_needed(settings: Settings) -> bool:
    """Return whether a new search without a time must measure its speed: its budget allows expensive networks."""
    limits = [budget.limit for budget in settings.budgets if budget.cost == "macs"]
    return min(limits, default=math.inf) > _CHEAP


def _speeds(settings: Settings, data: Dataset, device: torch.device, seconds: float) -> tuple[SpeedByCost, Budget]:
    """Return the measured speed over the cost of the first budget that is counted at once, and that budget."""
    problem, rng = replace(Problem.of(settings), interest=EVERY_COST), np.random.default_rng(settings.seed)
    octaves = rng.uniform(_HALVED, OCTAVES, _CANDIDATES)
    draws = [problem.draw(problem.shrunk(rng, float(halved))) for halved in octaves]
    counted = known_budgets(settings.budgets, draws[0].cost)
    budget = counted[0] if counted else Budget(int(max(draw.cost.macs for draw in draws)), "MACs")
    cheapest_first = sorted(draws, key=lambda draw: budget.of(draw.cost))
    costs = {draw.architecture.fingerprint: budget.of(draw.cost) for draw in draws}
    candidates = (draw.architecture for draw in cheapest_first)
    measured = measure_speeds(candidates, data, settings.recipe, device, seconds)
    known = [costs[architecture.fingerprint] for architecture, _ in measured]
    return SpeedByCost.fitted(known, [speed for _, speed in measured]), budget


def _reach(settings: Settings, speeds: SpeedByCost, budget: Budget, seconds: float, given: Given) -> Budget | None:
    """Return the largest cost of which `LEAST_TRIALS` candidates fit into the time; None if the whole range does.

    If not even cheap networks fit, it is a cost at which training takes little longer than at no cost at all.
    """
    rungs: Sequence[int] = settings.rungs
    if not given.keeps_steps and seconds < USUAL_SECONDS:
        rungs = scaled(rungs, LEAST_SHARE)
    high = cost = _ends(settings, budget, given)[1]
    fixed = seconds_of_candidate(speeds.at(0), rungs, settings.reduction)
    allowed = max(_PLANNED * seconds / LEAST_TRIALS, _NEGLIGIBLE * fixed)
    while cost > high / _MOST_NARROWED and seconds_of_candidate(speeds.at(cost), rungs, settings.reduction) > allowed:
        cost /= 2**0.25
    return None if cost == high else Budget(_rounded(cost), budget.unit)


def _warn_of_reach(settings: Settings, speeds: SpeedByCost, reach: Budget, budget: Budget, seconds: float) -> None:
    at_budget, at_reach = (
        seconds_of_candidate(speeds.at(cost), settings.rungs, settings.reduction)
        for cost in (budget.limit, reach.limit)
    )
    needed = show_duration(seconds * at_budget / at_reach)
    warnings.warn(
        f"networks above {reach.in_words} take too long to train here for a search of {show_duration(seconds)}, so "
        f"this search leaves them out. Up to the budget of {budget.in_words} it would need about --time {needed}.",
        stacklevel=2,
    )


def _ends(settings: Settings, budget: Budget, given: Given) -> tuple[float, float]:
    """Return the range of the cost that `budget` limits.

    A range that nobody gave ends before the budget if no network of the space costs as much.
    """
    high = next((top.limit for top in settings.limits if top.unit == budget.unit), budget.limit)
    low = next((end.limit for end in settings.range_from if end.unit == budget.unit), high / 2**OCTAVES_OF_INTEREST)
    return min(low, high), high if given.keeps_range else min(high, low * 2**OCTAVES_OF_INTEREST)


def _rounded(cost: float) -> int:
    """Return a cost rounded down to two digits."""
    unit = 10.0 ** max(0, math.floor(math.log10(max(1.0, cost))) - 1)
    return max(1, int(cost // unit * unit))


def _longest_training(settings: Settings, device: torch.device, given: Given) -> int:
    """Return to how many steps a training may be lengthened."""
    if given.trials is not None:  # all of the time is for these candidates
        return int(_MOST_LONGER * settings.rungs[-1])
    return max(settings.rungs[-1], int(MOST_OF_FULL * load_recipe("full", device).steps))


def make_plan(
    speed: Speed, rungs: Sequence[int], reduction: int, seconds: float, longest: int, given: Given = Given()
) -> TimePlan:
    """Return the number of candidates that fit into `seconds`, and their rungs.

    `rungs` are those of the recipe. Four times the time gives twice the candidates, with trainings twice as long, but
    of at most `longest` steps.
    """
    available = _PLANNED * seconds
    if not given.keeps_steps:
        usual = USUAL_TRIALS * seconds_of_candidate(speed, rungs, reduction)
        trials = given.trials or USUAL_TRIALS * math.sqrt(available / usual)
        rungs = _longest(speed, rungs, reduction, available / trials, longest)
    return TimePlan(
        given.trials or max(1, int(available / seconds_of_candidate(speed, rungs, reduction))), tuple(rungs)
    )


def _longest(speed: Speed, rungs: Sequence[int], reduction: int, seconds: float, longest: int) -> tuple[int, ...]:
    """Return the rungs of the longest training, up to `longest` steps, that takes a candidate `seconds` on average."""
    low, high = LEAST_SHARE, longest / rungs[-1]
    if seconds_of_candidate(speed, scaled(rungs, high), reduction) <= seconds:
        return scaled(rungs, high)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        fits = seconds_of_candidate(speed, scaled(rungs, middle), reduction) <= seconds
        low, high = (middle, high) if fits else (low, middle)
    return scaled(rungs, high)


def scaled(rungs: Sequence[int], factor: float) -> tuple[int, ...]:
    """Return the rungs of a training that is `factor` times as long.

    In a longer training each rung keeps its share of the steps. In a shorter one the rungs keep their steps, since the
    first figures tell nothing any earlier; a rung that is too close to the last step is left out.
    """
    steps = max(1, round(rungs[-1] * factor))
    if factor >= 1:
        before = [steps * rung // rungs[-1] for rung in rungs[:-1]]
    else:
        before = [rung for rung in rungs[:-1] if rung <= steps / CLOSEST]
    return (*sorted(set(before) - {0, steps}), steps)
