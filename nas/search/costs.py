"""The costs of a candidate that its search asks for: fast counts first, the latency last."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from optuna import Trial

from nas.budget import known_budgets, refusal
from nas.cost import screening_cost
from nas.image_size import Size
from nas.objectives import OBJECTIVES
from nas.progress import Progress
from nas.search.latency import latency_meter
from nas.search.settings import Settings
from search_spaces import Architecture


class Meter(Protocol):
    """Measures or predicts the latency of a network."""

    def ms(self, architecture: Architecture, hr_size: Size) -> float:
        """Return the latency in ms for one HR image of (width, height) pixels."""


def asked_for(settings: Settings) -> set[str]:
    """Return the names of the costs in the objectives and budgets."""
    return {o.name for o in settings.objectives if o.is_cost} | {budget.cost for budget in settings.budgets}


def meter_for(settings: Settings, results: Path, progress: Progress | None = None) -> Meter | None:
    """Return the meter of the latency of the run's candidates; None if the search does not ask for latencies.

    The first call measures the calibration networks, which takes minutes; `progress` receives the number of measured
    networks and their total. Raises InputError if this machine has another runtime than the run.
    """
    return latency_meter(settings, results, progress) if "latency" in asked_for(settings) else None


def costs_of(architecture: Architecture, settings: Settings, meter: Meter | None) -> Iterator[dict[str, float]]:
    """Yield the costs of a candidate, more of them each time, so that a candidate can be refused early.

    First MACs and parameters (fast); then the other counted costs (milliseconds); then the latency in ms. The last two
    only if the search asks for them.
    """
    asked, size = asked_for(settings), settings.hr_size
    costs: dict[str, float] = {**screening_cost(architecture, size).figures}
    yield costs
    others = [OBJECTIVES.get(name) for name in sorted(asked - costs.keys())]
    if counted := {other.name: other.count(architecture, size) for other in others if other.count}:
        costs = costs | counted
        yield costs
    if meter:
        yield costs | {"latency": meter.ms(architecture, size)}


def refused(trial: Trial, settings: Settings, costs: Mapping[str, float]) -> str | None:
    """Return why the costs of a candidate exceed the budgets; None if they fit.

    The excess over each budget is stored in the trial as a constraint.
    """
    for budget in known_budgets(settings.budgets, costs):
        if budget.unit not in trial.constraints:  # a trial that was queued again has its constraints
            trial.set_constraint(budget.unit, budget.excess(costs))
    return refusal(settings.budgets, costs)


def values(figures: Mapping[str, float], settings: Settings) -> tuple[float, ...]:
    """Return the figures of a candidate as the values of its trial, in the order of the objectives."""
    return tuple(objective.in_study(figures[objective.name]) for objective in settings.objectives)
