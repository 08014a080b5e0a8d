"""How fast a network is trained here, measured on a few steps whose result is thrown away."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from nas.data.dataset import Dataset
from nas.training.group import ALONE
from nas.training.phase_steps import PhaseSteps
from nas.training.recipe import Recipe
from nas.training.step import Step
from nas.training.trainer import seed_all
from nas.training.validation import validate
from search_spaces import Architecture

WARM_UP, TIMED = 4, 6
"""Steps of warm-up and of measurement in each phase. On a GPU the fourth step is recorded as a CUDA graph."""

SHARE = 0.004
"""Steps, and a validation, are measured in any case where they take less than this share of the training."""


@dataclass(frozen=True)
class Speed:
    """Seconds for a step and for a validation."""

    step: float
    validation: float


def measure_speed(
    architecture: Architecture, data: Dataset, recipe: Recipe, device: torch.device, seconds: float = math.inf
) -> Speed:
    """Measure how fast an architecture is trained by `recipe` on `device`, with PyTorch's present number of threads.

    A step is the mean over the phases of the recipe, which may have other batches and losses. The measurement leaves
    the random state as it was. It takes about `seconds` at most, or 2 % of the training; with little time it is made on
    fewer steps and fewer validation images. Raises what the network raises, for instance if it is too large.
    """
    gpus = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(gpus, device_type="cuda"):
        seed_all(architecture.seed)
        step = Step(architecture.build(), recipe, device, scale=data.scale, seed=architecture.seed)
        of_step = _seconds_of_step(step, data, recipe, device, seconds / 3)
        spare = max(seconds / 3, SHARE * recipe.steps * of_step)
        return Speed(of_step, _seconds_of_validation(step.kept, data, recipe, device, spare))


def _seconds_of_step(step: Step, data: Dataset, recipe: Recipe, device: torch.device, seconds: float) -> float:
    steps = PhaseSteps(step, data.train, recipe, device, ALONE)
    generator = torch.Generator().manual_seed(0)
    total = 0.0
    try:
        for phase in recipe.phases:
            steps.enter_phase(phase.begin)
            length = phase.end - phase.begin
            make = partial(steps.make, phase.begin, phase, generator)
            total += length * _mean_seconds(make, seconds / len(recipe.phases), SHARE * length)
    finally:
        steps.release()
    return total / recipe.steps


def _mean_seconds(make: Callable[[], Tensor], seconds: float, least: float) -> float:
    """Return the mean seconds of a step after the warm-up; after `seconds` and `least` steps, of the last step."""
    taken: list[float] = []
    while len(taken) < WARM_UP + TIMED and (sum(taken) < seconds or len(taken) < max(1, least)):
        started = time.perf_counter()
        make().tolist()  # reading the losses waits for a GPU
        taken.append(time.perf_counter() - started)
    timed = taken[WARM_UP:] or taken[-1:]
    return sum(timed) / len(timed)


def _seconds_of_validation(
    network: nn.Module, data: Dataset, recipe: Recipe, device: torch.device, seconds: float
) -> float:
    """Return the seconds for all validation images, measured on as many as fit into `seconds`, at least one."""
    images, crop = data.validation, recipe.validation_crop

    def timed(count: int) -> float:
        started = time.perf_counter()
        validate(network, images.first(count), crop, device, with_ssim=False)
        return time.perf_counter() - started

    first = timed(1)
    count = min(len(images), int(seconds / first)) if math.isfinite(seconds) else len(images)
    measured = timed(count) if count > 1 else first
    pixels = [_pixels(size, crop) for size in images.sizes]
    return measured * sum(pixels) / sum(pixels[: max(1, count)])


def _pixels(size: tuple[int, int], crop: int | None) -> int:
    height, width = size if crop is None else (min(side, crop) for side in size)
    return height * width
