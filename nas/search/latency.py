"""The latency of a run's candidates: what tells it, calibrated on networks that the run may find."""

from collections.abc import Callable
from pathlib import Path

from nas.deploy.latency import Latency, meter
from nas.errors import InputError
from nas.plugins.given import need_command
from nas.search.run import RESULTS
from nas.search.sample import draw_sample
from nas.search.samplers.problem import Problem
from nas.search.settings import Settings
from search_spaces import Architecture

CALIBRATION = 8
"""Whole networks that are measured before a search; half of them published ones, where so many fit."""


def latency_meter(
    settings: Settings, results: Path = RESULTS, progress: Callable[[int, int], None] | None = None
) -> Latency:
    """Return what tells the latencies of the run's candidates, the same ones in every worker.

    The first to ask measures the networks that predictions rest on, which takes minutes; `progress` gets how many are
    done, of how many. Raises InputError for a machine that measures on something else than the run.
    """
    if settings.latency_command:
        need_command(settings.latency_command, settings.run)
    latency = meter(settings.latency_command, settings.latency_threads, results / "cache" / "latency")
    if settings.latency_runtime not in (None, latency.runtime.name):
        raise InputError(
            f"The latencies of the run '{settings.run}' are those of {settings.latency_runtime}, not of "
            f"{latency.runtime.name}; join it from a machine of that kind, or search with a --latency-command."
        )
    latency.calibrate(calibration_networks(settings), settings.hr_size, progress)
    return latency


def calibration_networks(settings: Settings) -> list[Architecture]:
    """Return networks of the run's space within its budgets, spread over their costs and the same at each call.

    Empty for a space that doesn't give its networks as parts: there every candidate is measured.
    """
    problem = Problem.of(settings)
    if problem.space.parts(problem.completed(problem.space.smallest), settings.scale, settings.channels) is None:
        return []

    drawn = draw_sample(problem, CALIBRATION, most_published=CALIBRATION // 2)
    return [draw.architecture for draw in drawn]
