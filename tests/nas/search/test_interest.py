import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.budget import Budget
from nas.errors import InputError
from nas.objectives import parse_objectives
from nas.search.interest import Interest, lower_ends

AIMS = parse_objectives(["psnr", "macs"])


def ends(budgets: list[str], given: list[str] | None = None) -> list[str]:
    return list(map(str, lower_ends(map(Budget.parse, budgets), map(Budget.parse, given or []))))


def test_by_default_a_range_is_three_octaves() -> None:
    assert ends(["10G-MACs", "800K-params", "33ms"]) == ["1.25G-MACs", "100K-params", "4.125ms"]


def test_a_given_end_replaces_the_default_of_its_cost() -> None:
    assert ends(["10G-MACs", "800K-params"], ["5G-MACs"]) == ["5G-MACs", "100K-params"]


def test_an_end_must_lie_below_a_budget() -> None:
    with pytest.raises(InputError, match="must begin below the budget 10G-MACs, not at 10G-MACs"):
        ends(["10G-MACs"], ["10G-MACs"])
    with pytest.raises(InputError, match="no --budget in params"):
        ends(["10G-MACs"], ["10K-params"])


@given(st.integers(2, 10**18), st.sampled_from(["MACs", "params", "memory"]))
def test_an_end_is_written_and_read_back(limit: int, unit: str) -> None:
    (end,) = lower_ends([Budget(limit, unit)], [])
    assert Budget.parse(str(end)) == end


def test_cheaper_networks_count_as_if_they_cost_the_lower_end() -> None:
    interest = Interest(lower_ends([Budget.parse("8G-MACs")], []))
    points = np.array([[-36.0, np.log2(0.5e9)], [-37.0, np.log2(4e9)]])
    assert interest.clamped(points, AIMS).tolist() == [[-36.0, np.log2(1e9)], [-37.0, np.log2(4e9)]]


def test_a_network_is_below_if_it_is_by_all_costs_that_are_known() -> None:
    interest = Interest(lower_ends(map(Budget.parse, ["8G-MACs", "8K-params"]), []))
    assert interest.is_below({"macs": 0.5e9, "params": 700})
    assert interest.is_below({"macs": 0.5e9})
    assert not interest.is_below({"macs": 0.9e9}), "a little cheaper is good for the lower end"
    assert not interest.is_below({"macs": 0.5e9, "params": 2000})
    assert not interest.is_below({"ms": 3.0})


def test_the_reference_point_lies_behind_the_front_and_at_the_budget() -> None:
    budgets = [Budget.parse("8G-MACs")]
    front = np.array([[-31.0, 30.0], [-30.0, 29.0]])
    limited = Interest(lower_ends(budgets, []), tuple(budgets))
    assert limited.reference_point(front, AIMS).tolist() == [-30.0 + 0.1, np.log2(8e9)]
    assert Interest().reference_point(front, AIMS).tolist() == [-30.0 + 0.1, 30.0 + 0.1]
