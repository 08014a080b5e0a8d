"""The latency of a run's candidates, predicted by a meter that is calibrated on networks of the run's space."""

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
"""Number of whole networks that are measured before a search; up to half of them are published points."""


def latency_meter(
    settings: Settings, results: Path = RESULTS, progress: Callable[[int, int], None] | None = None
) -> Latency:
    """Return the meter of the latencies of the run's candidates. It gives the same latencies in every worker.

    The first call measures the calibration networks, which takes minutes; `progress` receives the number of measured
    networks and their total. Raises InputError if this machine has another runtime than the run.
    """
    if settings.latency_command:
        need_command(settings.latency_command, settings.run)
    latency = meter(settings.latency_command, settings.latency_threads, results / "cache" / "latency")
    if settings.latency_runtime not in (None, latency.runtime.name):
        raise InputError(
            f"The run '{settings.run}' measures latencies on {settings.latency_runtime}, but this machine has "
            f"{latency.runtime.name}; join from a machine of the same kind, or search with a --latency-command."
        )
    latency.calibrate(calibration_networks(settings), settings.hr_size, progress)
    return latency


def calibration_networks(settings: Settings) -> list[Architecture]:
    """Return networks of the run's space within its budgets, spread over the costs; each call returns the same.

    Empty for a space that does not describe its networks as parts: there every candidate is measured.
    """
    problem = Problem.of(settings)
    if problem.space.parts(problem.completed(problem.space.smallest), settings.scale, settings.channels) is None:
        return []

    drawn = draw_sample(problem, CALIBRATION, most_published=CALIBRATION // 2)
    return [draw.architecture for draw in drawn]
