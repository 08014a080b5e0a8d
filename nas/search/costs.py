"""What a candidate costs, as far as its search asks: counted at once, measured last."""

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
    """Measures or predicts how long a network takes."""

    def ms(self, architecture: Architecture, hr_size: Size) -> float:
        """Return the latency in ms of one image that becomes an HR image of (width, height) pixels."""


def asked_for(settings: Settings) -> set[str]:
    """Return the names of the costs that objectives and budgets are about."""
    return {o.name for o in settings.objectives if o.is_cost} | {budget.cost for budget in settings.budgets}


def meter_for(settings: Settings, results: Path, progress: Progress | None = None) -> Meter | None:
    """Return what tells the latency of the run's candidates; None where it doesn't matter.

    The first to ask measures the networks that predictions rest on, which takes minutes; `progress` gets how many are
    done, of how many. Raises InputError on a machine that measures on something else than the run.
    """
    return latency_meter(settings, results, progress) if "latency" in asked_for(settings) else None


def costs_of(architecture: Architecture, settings: Settings, meter: Meter | None) -> Iterator[dict[str, float]]:
    """Yield what is known of a candidate's costs, more each time: what is quickly known first.

    First MACs and parameters, in a moment; then what else can be counted, in some milliseconds; then the latency in
    ms. The last two only where they are asked for. So a candidate can be refused before it takes time.
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
    """Return why a candidate's costs don't fit the budgets, if they don't; by how much is kept with its trial."""
    for budget in known_budgets(settings.budgets, costs):
        if budget.unit not in trial.constraints:  # one that was queued again brings its own
            trial.set_constraint(budget.unit, budget.excess(costs))
    return refusal(settings.budgets, costs)


def values(figures: Mapping[str, float], settings: Settings) -> tuple[float, ...]:
    """Return a candidate's figures as its trial's values, in the order of the objectives."""
    return tuple(objective.in_study(figures[objective.name]) for objective in settings.objectives)
