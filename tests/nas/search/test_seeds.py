import pytest

from nas.budget import Budget
from nas.cost import HR_SIZE
from nas.search.interest import Interest, lower_ends
from nas.search.samplers.prior import Prior, load_prior
from nas.search.samplers.problem import Problem
from nas.search.seeds import NEAR, SHARES, scaled_seeds
from search_spaces import SPACES

HYBRID = SPACES.get("hybrid")


def problem(*budgets: str) -> Problem:
    limits = tuple(map(Budget.parse, budgets))
    interest = Interest(lower_ends(limits, ()))
    return Problem(HYBRID, 2, 1, HR_SIZE, limits, fixed=HYBRID.pinned, interest=interest)


@pytest.mark.parametrize("prior", [None, load_prior("shipped", problem("3G-MACs"))], ids=["no prior", "shipped"])
@pytest.mark.parametrize("budget", ["3G-MACs", "300G-MACs", "33K-params"])
def test_seeds_lie_at_the_budget_a_half_a_quarter_and_an_eighth_of_it(budget: str, prior: Prior | None) -> None:
    limit = Budget.parse(budget)
    seeds = scaled_seeds(problem(budget), prior, 8)
    used = [limit.of(seed.draw.cost) / limit.limit for seed in seeds]
    for share in SHARES:
        assert sum(NEAR * share <= each <= share for each in used) == 2
    assert len({seed.draw.architecture.fingerprint for seed in seeds}) == 8
    assert all(seed.draw.choices["image_skip"] == "bicubic" for seed in seeds)


def test_of_several_budgets_the_tighter_one_decides() -> None:
    asked = problem("10G-MACs", "5K-params")
    assert all(asked.fits(seed.draw.cost) for seed in scaled_seeds(asked, None, 9))


def test_a_space_without_families_has_no_seeds() -> None:
    space = SPACES.get("ecbsr")
    asked = Problem(space, 2, 1, HR_SIZE, (Budget.parse("3G-MACs"),), fixed=space.pinned)
    assert scaled_seeds(asked, None, 9) == []
