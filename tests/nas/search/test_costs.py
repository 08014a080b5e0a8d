from pathlib import Path
from typing import Any

import pytest
from searches import settings

from nas.cost import cost
from nas.image_size import Size
from nas.search.costs import asked_for, costs_of, meter_for, values
from search_spaces import Architecture

FALSR = Architecture.published("falsr/FALSR-C")
ASKED = {"budgets": ("300G-MACs",)}


class Stopwatch:
    """Takes a network to need a millisecond for a billion multiply-adds, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def ms(self, architecture: Architecture, hr_size: Size) -> float:
        self.asked += 1
        return cost(architecture, hr_size).macs / 1e9


@pytest.mark.parametrize(
    ("given", "more"),
    [
        (ASKED, set()),
        ({"budgets": ("900K-params",), "objectives": ("psnr", "params")}, set()),
        (ASKED | {"objectives": ("psnr", "latency")}, {"latency"}),
        (ASKED | {"objectives": ("psnr", "memory")}, {"memory"}),
        ({"budgets": ("64MiB-memory", "33ms")}, {"memory", "latency"}),
        (ASKED | {"objectives": ("psnr", "convs", "activations")}, {"convs", "activations"}),
    ],
)
def test_a_cost_is_known_where_an_objective_or_a_budget_asks_for_it(given: dict[str, Any], more: set[str]) -> None:
    assert asked_for(settings(**given)) - {"macs", "params"} == more
    *_, costs = costs_of(FALSR, settings(**given), Stopwatch() if "latency" in more else None)
    assert set(costs) == {"macs", "params"} | more


def test_what_is_counted_comes_before_what_is_measured() -> None:
    asked, meter = settings(budgets=("64MiB-memory",), objectives=("psnr", "latency")), Stopwatch()
    costs, whole = costs_of(FALSR, asked, meter), cost(FALSR)
    assert next(costs) == {"macs": whole.macs, "params": whole.params}
    assert next(costs)["memory"] == whole.peak_memory
    assert meter.asked == 0
    latency = pytest.approx(whole.macs / 1e9)
    assert next(costs) == {"macs": whole.macs, "params": whole.params, "memory": whole.peak_memory, "latency": latency}
    assert meter.asked == 1 and next(costs, None) is None


def test_costs_are_for_the_size_of_the_run() -> None:
    asked = settings(hr_size=(640, 512), objectives=("psnr", "memory", "latency"))
    *_, costs = costs_of(FALSR, asked, Stopwatch())
    smaller = cost(FALSR, (640, 512))
    assert (costs["macs"], costs["memory"]) == (smaller.macs, smaller.peak_memory)
    assert costs["latency"] == pytest.approx(smaller.macs / 1e9)


def test_nothing_measures_what_nobody_asks_for(tmp_path: Path) -> None:
    assert meter_for(settings(objectives=("psnr", "memory")), tmp_path) is None


def test_values_are_in_the_order_and_the_units_of_the_objectives() -> None:
    figures = {"psnr": 35.5, "ssim": 0.91, "macs": 5e9, "params": 20_000, "latency": 12.5, "memory": 3 * 2**20}
    asked = settings(objectives=("latency", "psnr", "params", "memory"))
    assert values(figures, asked) == (12.5, 35.5, 20.0, 3.0)
    assert values(figures, settings()) == (35.5, 5.0)
