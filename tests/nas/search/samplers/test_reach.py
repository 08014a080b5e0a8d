import pytest

from nas.budget import Budget
from nas.cost import HR_SIZE
from nas.search.samplers.problem import Problem
from nas.search.samplers.reach import range_within_reach
from search_spaces import SPACES

FSRCNN = SPACES.get("fsrcnn")


def ends(*budgets: str, given: tuple[str, ...] = ()) -> list[str]:
    limits = tuple(map(Budget.parse, budgets))
    problem = Problem(FSRCNN, 2, 1, HR_SIZE, limits, fixed=FSRCNN.pinned)
    return list(map(str, range_within_reach(problem, tuple(map(Budget.parse, given)), seed=0)))


def test_a_range_within_reach_is_an_eighth_of_the_budget() -> None:
    assert ends("3G-MACs", "16K-params") == ["375M-MACs", "2K-params"]


def test_a_range_above_all_networks_of_the_space_begins_at_an_eighth_of_the_most_expensive() -> None:
    (end,) = map(Budget.parse, ends("300G-MACs"))
    assert 0.1e9 < end.limit < 5e9


def test_a_given_end_is_kept_even_above_all_networks() -> None:
    assert ends("300G-MACs", given=("100G-MACs",)) == ["100G-MACs"]


@pytest.mark.parametrize("budget", ["33ms", "64MiB-memory"])
def test_a_cost_that_is_not_counted_here_has_the_usual_range(budget: str) -> None:
    (end,) = map(Budget.parse, ends(budget))
    assert end.limit == Budget.parse(budget).limit / 8
