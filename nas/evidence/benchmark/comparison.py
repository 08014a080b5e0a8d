"""Comparison of samplers by replays on a table: curves with confidence bands, and a few figures of each sampler."""

import math
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from nas.evidence.benchmark.replay import Conditions, Course, replay
from nas.evidence.statistics import draws, interval
from nas.plugins.given import Granted, granted, inherit

BASELINE = "random"
"""The sampler that all others are compared with; it always takes part."""

_GRID = 200
"""Number of points of a curve over time."""
_RESAMPLES = 2000

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Estimate:
    """A mean over searches with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float

    def to_list(self) -> list[float]:
        """Return mean, low and high, rounded."""
        return [round(value, 4) for value in (self.mean, self.low, self.high)]


@dataclass(frozen=True)
class Band:
    """A curve over trainings or seconds with its confidence band; all arrays have the same length."""

    x: Array
    mean: Array
    low: Array
    high: Array

    @classmethod
    def of(cls, x: Array, values: Array) -> "Band":
        """Return the band of `values`, [searches, len(x)]."""
        return cls(x, *_interval(values))

    def reaches(self, value: float) -> float | None:
        """Return the first x at which the mean reaches `value`; None if it never does."""
        there = np.flatnonzero(self.mean >= value)
        return float(self.x[there[0]]) if len(there) else None

    def to_dict(self) -> dict[str, list[float]]:
        """Return plain data."""
        return {name: [round(float(v), 4) for v in getattr(self, name)] for name in ("x", "mean", "low", "high")}


@dataclass(frozen=True)
class Standing:
    """The results of a sampler. Hypervolumes are in dB times octaves."""

    sampler: str
    final: Estimate
    """The hypervolume at the end."""
    area: Estimate
    """The mean hypervolume over all trainings; higher for a sampler that finds good networks early."""
    trainings_to_baseline: float | None
    """Number of whole trainings after which the mean reaches the final mean of random search; None: never."""
    seconds_to_baseline: float | None
    """The same in simulated seconds."""
    seconds: float
    """Mean simulated seconds of a search."""
    refused: float
    """Mean number of refused candidates of a search: over budget or tried before."""
    asking_seconds: float
    """Mean seconds that the sampler needed for its draws in a whole search; measured, not simulated."""
    by_trainings: Band
    by_seconds: Band


def replay_all(
    conditions: Conditions,
    samplers: Sequence[str],
    seeds: int,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[Course]:
    """Replay `seeds` searches by each sampler and by random search, `jobs` of them at the same time."""
    names = list(dict.fromkeys([BASELINE, *samplers]))
    tasks = [(name, seed) for seed in range(seeds) for name in names]
    courses = []
    for course in _run(partial(_replay, conditions), tasks, jobs):
        courses.append(course)
        if progress:
            progress(len(courses), len(tasks))
    return courses


def _replay(conditions: Conditions, task: tuple[str, int]) -> Course:
    return replay(conditions, *task)


def _run(work: Callable[[tuple[str, int]], Course], tasks: list[tuple[str, int]], jobs: int) -> Iterator[Course]:
    if jobs == 1:
        yield from map(work, tasks)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(granted(),)) as executor:
        yield from executor.map(work, tasks)


def _begin(permissions: Granted) -> None:
    torch.set_num_threads(1)  # Optuna's Gaussian process computes by torch; processes must not fight for the cores
    inherit(permissions)


def compare(courses: Sequence[Course]) -> list[Standing]:
    """Return the standings of the samplers, the best area first. A search that ended early keeps its last value."""
    names = list(dict.fromkeys(course.sampler for course in courses))
    of = {name: [course for course in courses if course.sampler == name and course.moments] for name in names}
    of = {name: found for name, found in of.items() if found}
    most = max(course.moments[-1].trainings for found in of.values() for course in found)
    trainings = np.arange(1, math.ceil(most) + 1, dtype=float)
    longest = max(course.moments[-1].seconds for found in of.values() for course in found)
    seconds = np.linspace(0, longest, _GRID + 1)[1:]
    by_trainings = {name: Band.of(trainings, _sampled(found, "trainings", trainings)) for name, found in of.items()}
    by_seconds = {name: Band.of(seconds, _sampled(found, "seconds", seconds)) for name, found in of.items()}
    standings = []
    for name, found in of.items():
        values = _sampled(found, "trainings", trainings)
        standings.append(
            Standing(
                sampler=name,
                final=_estimate(values[:, -1]),
                area=_estimate(values.mean(axis=1)),
                trainings_to_baseline=by_trainings[name].reaches(by_trainings[BASELINE].mean[-1]),
                seconds_to_baseline=by_seconds[name].reaches(by_seconds[BASELINE].mean[-1]),
                seconds=float(np.mean([course.moments[-1].seconds for course in found])),
                refused=float(np.mean([course.refused for course in found])),
                asking_seconds=float(np.mean([course.asking_seconds for course in found])),
                by_trainings=by_trainings[name],
                by_seconds=by_seconds[name],
            )
        )
    return sorted(standings, key=lambda standing: -standing.area.mean)


def _sampled(courses: Sequence[Course], axis: str, x: Array) -> Array:
    """Return the hypervolumes of searches at the values `x` of the axis, [searches, len(x)]; 0 before the first."""
    sampled = []
    for course in courses:
        places = [getattr(moment, axis) for moment in course.moments]
        volumes = np.array([0.0, *(moment.hypervolume for moment in course.moments)])
        sampled.append(volumes[np.searchsorted(places, x, side="right")])
    return np.array(sampled)


def _estimate(values: Array) -> Estimate:
    return Estimate(*(float(end[0]) for end in _interval(values[:, None])))


def _interval(values: Array) -> tuple[Array, Array, Array]:
    """Return mean, low and high over the first axis; for a single search all three are equal."""
    mean = values.mean(axis=0)
    if len(values) == 1:
        return mean, mean, mean
    low, high = interval(values[draws(len(values), resamples=_RESAMPLES)].mean(axis=1))
    return mean, low, high


def comparison_data(conditions: Conditions, standings: Sequence[Standing], seeds: int) -> Mapping[str, Any]:
    """Return the comparison as plain data, with all conditions of its figures."""
    header, response = conditions.header, conditions.response
    return {
        "table": {"label": header.label, "data": header.data, "budgets": list(header.budgets), "device": header.device},
        "response": {
            "space": response.space,
            "networks": response.rows,
            "steps": list(response.steps),
            "model": response.model,
            "fidelities": {name: _rounded(vars(fidelity)) for name, fidelity in response.fidelities.items()},
            "tau_of_macs": round(response.tau_of_macs, 3),
            "r2_of_seconds": round(response.r2_of_seconds, 3),
            "noise_db": round(response.noise, 4),
        },
        "conditions": {
            "trials": conditions.trials,
            "on_rungs": conditions.on_rungs,
            "seconds": conditions.seconds,
            "screens": list(conditions.screens),
            "published_first": conditions.published,
            "seeds": seeds,
            "hypervolume": f"dB times octaves over {header.bicubic[0]:.2f} dB within {', '.join(header.budgets)}",
        },
        "samplers": {
            standing.sampler: {
                "final": standing.final.to_list(),
                "area": standing.area.to_list(),
                "trainings_to_random": standing.trainings_to_baseline,
                "seconds_to_random": _rounded_or_none(standing.seconds_to_baseline),
                "seconds": round(standing.seconds, 1),
                "refused": round(standing.refused, 1),
                "asking_seconds": round(standing.asking_seconds, 2),
                "by_trainings": standing.by_trainings.to_dict(),
                "by_seconds": standing.by_seconds.to_dict(),
            }
            for standing in standings
        },
    }


def _rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in figures.items()}


def _rounded_or_none(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
