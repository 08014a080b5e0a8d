import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.budget import Budget
from nas.cost import HR_SIZE
from nas.objectives import parse_objectives
from nas.search.interest import Interest, lower_ends
from nas.search.samplers.problem import Problem, weighted
from search_spaces import SPACES

ECBSR = SPACES.get("ecbsr")


def problem(*budgets: str, octaves: int = 8, **fixed: object) -> Problem:
    limits = tuple(map(Budget.parse, budgets))
    held = {**ECBSR.pinned, **fixed}
    return Problem(
        ECBSR,
        2,
        1,
        HR_SIZE,
        limits,
        fixed=held,  # type: ignore[arg-type]
        objectives=parse_objectives(("psnr", "macs")),
        interest=Interest(lower_ends(limits, (), octaves)),
    )


@given(st.integers(0, 10_000))
@settings(deadline=None)
def test_what_is_drawn_over_the_costs_fits_every_budget(seed: int) -> None:
    asked = problem("2G-MACs", "20K-params")
    draw = asked.draw(asked.random_by_cost(np.random.default_rng(seed)))
    assert asked.fits(draw.cost) and draw.choices["image_skip"] is True


def test_each_octave_below_the_budget_is_as_likely() -> None:
    asked, rng = problem("64G-MACs"), np.random.default_rng(0)
    costs = np.log2([asked.draw(asked.random_by_cost(rng)).cost.macs for _ in range(300)])
    assert costs.max() <= np.log2(64e9)
    assert np.mean(costs < np.log2(4e9)) > 0.3


def test_random_networks_lie_in_the_range_of_interest() -> None:
    asked, rng = problem("16G-MACs", octaves=3), np.random.default_rng(0)
    costs = [asked.draw(asked.random_by_cost(rng)).cost for _ in range(100)]
    assert (
        np.mean([asked.is_of_interest(cost) for cost in costs]) > 0.2
    )  # the space is small: many costs have no network
    below = asked.draw(asked.completed(ECBSR.smallest)).cost
    assert asked.fits(below) and not asked.is_of_interest(below)


def test_costs_below_the_range_of_interest_count_as_no_cheaper() -> None:
    asked = problem("256M-MACs", octaves=3)
    least = np.log2(32e6)
    points = asked.worth(np.array([[-30.0, least - 3], [-30.0, least + 1]]))
    assert points.tolist() == [[-30.0, pytest.approx(least)], [-30.0, pytest.approx(least + 1)]]


def test_what_is_fixed_is_not_varied() -> None:
    asked = problem("2G-MACs", width=8)
    assert "width" not in asked.free and asked.random(np.random.default_rng(0))["width"] == 8


def test_without_any_weight_each_index_is_as_likely() -> None:
    rng = np.random.default_rng(0)
    assert {weighted(np.zeros(3), rng) for _ in range(50)} == {0, 1, 2}
    assert {weighted(np.array([0.0, 1.0, 0.0]), rng) for _ in range(20)} == {1}


def test_choices_of_an_old_run_are_completed() -> None:
    hybrid = SPACES.get("hybrid")
    asked = Problem(hybrid, 2, 1, HR_SIZE, (Budget.parse("4G-MACs"),), fixed=hybrid.pinned)
    old = {name: value for name, value in hybrid.smallest.items() if name != "input"}
    assert asked.completed(old)["input"] == "plain"
    assert asked.architecture(old) == asked.architecture({**old, "input": "plain"})
