"""The latency of a run's candidates: what tells it, calibrated on networks that the run may find."""

import itertools
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from nas.budget import refusal
from nas.cost import screening_cost
from nas.deploy.latency import Latency, meter
from nas.errors import InputError
from nas.search.run import RESULTS
from nas.search.settings import Settings
from search_spaces import Architecture, Choices

CALIBRATION = 8
"""Whole networks that are measured before a search; half of them published ones, where so many fit."""

TRIES = 1000
"""Random networks that are looked at for some within the budget."""


def latency_meter(
    settings: Settings, results: Path = RESULTS, progress: Callable[[int, int], None] | None = None
) -> Latency:
    """Return what tells the latencies of the run's candidates, the same ones in every worker.

    The first to ask measures the networks that predictions rest on, which takes minutes; `progress` gets how many are
    done, of how many. Raises InputError for a machine that measures on something else than the run.
    """
    latency = meter(settings.latency_command, settings.latency_threads, results / "cache" / "latency")
    if settings.latency_runtime not in (None, latency.runtime.name):
        raise InputError(
            f"The latencies of the run '{settings.run}' are those of {settings.latency_runtime}, not of "
            f"{latency.runtime.name}; join it from a machine of that kind, or search with a --latency-command."
        )
    latency.calibrate(calibration_networks(settings), settings.hr_size, progress)
    return latency


def calibration_networks(settings: Settings) -> list[Architecture]:
    """Return networks of the run's space within its budgets on parameters and MACs, always the same for a run.

    Empty for a space that doesn't give its networks as parts: there every candidate is measured.
    """
    space = settings.searched
    if space.parts({**space.smallest, **settings.fixed}, settings.scale, settings.channels) is None:
        return []

    def fitting(points: Iterator[Choices]) -> Iterator[Architecture]:
        for choices in points:
            drawn = {**choices, **settings.fixed}
            architecture = Architecture(settings.space, settings.scale, settings.channels, drawn)
            if refusal(settings.limits, screening_cost(architecture, settings.hr_size)) is None:
                yield architecture

    generator = random.Random(0)
    drawn = ({name: generator.choice(v) for name, v in space.parameters().items()} for _ in range(TRIES))
    published = itertools.islice(fitting(point.choices for point in space.published.values()), CALIBRATION // 2)
    networks: dict[str, Architecture] = {}
    for architecture in itertools.chain(published, fitting(drawn)):
        networks[architecture.fingerprint] = architecture
        if len(networks) == CALIBRATION:
            break
    return list(networks.values())
