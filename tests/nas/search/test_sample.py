import numpy as np
import pytest

from nas.budget import Budget
from nas.cost import screening_cost
from nas.errors import InputError
from nas.search.sample import draw_sample
from search_spaces import SPACES, Architecture

ECBSR = SPACES.get("ecbsr")
WITHIN = (Budget.parse("20G-MACs"),)


def sample(size: int, known: tuple[Architecture, ...] = (), seed: int = 0) -> list[Architecture]:
    return draw_sample(ECBSR, size, scale=2, channels=1, budgets=WITHIN, seed=seed, known=known)


def test_all_differ_and_fit_and_hold_what_the_space_pins() -> None:
    drawn = sample(30)
    assert len({one.fingerprint for one in drawn}) == 30
    assert all(screening_cost(one).macs <= 20e9 and one.choices["image_skip"] is True for one in drawn)


def test_published_points_are_part_of_it() -> None:
    points = [Architecture.published(f"ecbsr/{name}").replaced(image_skip=True) for name in ECBSR.published]
    cheap = {one.fingerprint for one in points if screening_cost(one).macs <= 20e9}
    assert cheap and cheap <= {one.fingerprint for one in sample(20)}


def test_they_are_spread_over_the_logarithm_of_the_cost() -> None:
    costs = np.sort(np.log10([screening_cost(one).macs for one in sample(25)]))
    assert costs[-1] - costs[0] > 1.5
    assert np.diff(costs).max() < (costs[-1] - costs[0]) / 5


def test_the_seed_decides() -> None:
    assert sample(12, seed=1) == sample(12, seed=1) != sample(12, seed=2)


def test_a_larger_sample_keeps_what_is_known() -> None:
    known = tuple(sample(8))
    assert sample(12, known)[:8] == list(known)
    assert sample(4, known) == list(known)


def test_too_small_a_budget_is_refused() -> None:
    with pytest.raises(InputError, match=r"Only 0 networks of the space 'ecbsr' within 1M-MACs were found, not 5"):
        draw_sample(ECBSR, 5, scale=2, channels=1, budgets=(Budget.parse("1M-MACs"),), seed=0)
