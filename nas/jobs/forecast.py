"""How long the trainings of a command will take, known before the first of them begins."""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

from nas.jobs.training_plan import Job
from nas.parallel.placement import Placement
from nas.training.checkpoint import Progress, read_progress
from nas.training.full import CHECKPOINT, is_finished
from nas.training.recipe import Recipe
from nas.training.speed import Speed, measure_speed

LEAST_STEPS = 100
"""Shorter trainings are not forecast. A speed that a checkpoint recorded over fewer steps is measured again."""

_SECONDS = 3.0
"""The measurement takes about this time at most, or 2 % of the trainings if that is longer."""


@dataclass(frozen=True)
class Forecast:
    """The networks that are not yet trained, and the time that they will take."""

    networks: int
    steps: int
    """Number of steps that are left, of all these networks."""
    whole: int
    """Number of steps of one whole training."""
    seconds: float
    """Until all are trained, as many at the same time as `placement` says."""
    placement: Placement
    cores: int
    """Number of CPU cores that this process may use."""
    is_limit: bool
    """Whether the trainings may end earlier, since they skip steps at a plateau."""


def forecast(job: Job, placement: Placement, should_stop: Callable[[], bool] = lambda: False) -> Forecast | None:
    """Measure how long the trainings of `job` will take, by a few steps of each network; the steps are thrown away.

    Finished trainings are not counted. A training that continues counts its remaining steps, at the speed that its
    checkpoint recorded. The trainings themselves are not changed in any bit.

    Returns None if there is nothing to say: all networks are trained, the trainings are very short, several processes
    train a network together, a network can't be trained here (its training will say why), or `should_stop` is true.
    """
    if placement.processes > 1:
        return None
    left = {name: _progress(job, name) for name in job.architectures if not _is_finished(job, name)}
    steps = sum(job.recipe.steps - progress.step for progress in left.values())
    if not left or steps < LEAST_STEPS * len(left):
        return None
    cores = torch.get_num_threads()
    torch.set_num_threads(placement.threads)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the trainings repeat them
            seconds = _seconds(job, placement.devices[0], left, should_stop)
    except Exception:  # of whatever kind: the training of this network is the place where it is told
        return None
    finally:
        torch.set_num_threads(cores)
        if placement.devices[0].type == "cuda":
            torch.cuda.empty_cache()  # trainings in other processes need this memory
    if seconds is None:
        return None
    until = in_parallel(seconds, len(placement.devices))
    is_limit = job.recipe.plateau is not None
    return Forecast(len(left), steps, job.recipe.steps, until, placement, cores, is_limit)


def _seconds(
    job: Job, device: torch.device, left: dict[str, Progress], should_stop: Callable[[], bool]
) -> list[float] | None:
    """Return the seconds of each training that is left, in their order; None after a stop."""
    seconds = []
    for name, progress in left.items():
        if should_stop():
            return None
        speed = recorded_speed(progress)
        if speed is None:
            speed = measure_speed(job.architectures[name], job.data, job.recipe, device, _SECONDS / len(left))
        seconds.append(seconds_left(speed, job.recipe, progress.step))
    return seconds


def recorded_speed(progress: Progress) -> Speed | None:
    """Return the mean speed of a training so far; None if it has few steps or no validation."""
    made = progress.step - progress.skipped
    if made < LEAST_STEPS or not progress.curve:
        return None
    return Speed(progress.train_seconds / made, progress.validation_seconds / len(progress.curve))


def seconds_left(speed: Speed, recipe: Recipe, step: int) -> float:
    """Return the seconds of a training by `recipe` after `step` steps."""
    validated = {round(recipe.steps * i / recipe.validations) for i in range(1, recipe.validations + 1)}
    validations = sum(1 for at in validated if at > step)
    return (recipe.steps - step) * speed.step + validations * speed.validation


def in_parallel(seconds: Iterable[float], places: int) -> float:
    """Return the seconds until all is done, if each of `places` takes the next piece of work when it is free."""
    free = [0.0] * places
    for each in seconds:
        free[free.index(min(free))] += each
    return max(free)


def _progress(job: Job, name: str) -> Progress:
    return read_progress(job.folder / name / CHECKPOINT) or Progress()


def _is_finished(job: Job, name: str) -> bool:
    start = job.starts.get(name)
    return is_finished(job.architectures[name], job.data, job.recipe, job.folder / name, start=start)
