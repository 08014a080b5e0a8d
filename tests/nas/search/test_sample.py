from collections.abc import Sequence

import numpy as np

from nas.budget import Budget
from nas.cost import HR_SIZE, screening_cost
from nas.search.sample import draw_sample, published
from nas.search.samplers.problem import Problem
from search_spaces import SPACES, Architecture

ECBSR = SPACES.get("ecbsr")


def problem(budget: str = "20G-MACs") -> Problem:
    return Problem(ECBSR, 2, 1, HR_SIZE, (Budget.parse(budget),), fixed=ECBSR.pinned)


def sample(
    size: int, earlier: Sequence[Architecture] = (), seed: int = 0, most_published: int | None = None
) -> list[Architecture]:
    drawn = draw_sample(problem(), size, seed=seed, earlier=earlier, most_published=most_published)
    return [draw.architecture for draw in drawn]


def test_all_differ_and_fit_and_hold_what_the_space_pins() -> None:
    drawn = sample(30)
    assert len({network.fingerprint for network in drawn}) == 30
    assert all(screening_cost(network).macs <= 20e9 and network.choices["image_skip"] is True for network in drawn)


def test_published_points_that_fit_are_part_of_it() -> None:
    points = [Architecture.published(f"ecbsr/{name}").replaced(image_skip=True) for name in ECBSR.published]
    cheap = {network.fingerprint for network in points if screening_cost(network).macs <= 20e9}
    assert cheap == {draw.architecture.fingerprint for _, draw in published(problem())} != set()
    assert cheap <= {network.fingerprint for network in sample(20)}


def test_of_published_points_there_are_no_more_than_are_wanted() -> None:
    points = {draw.architecture.fingerprint for _, draw in published(problem())}
    for most in (0, 2):
        drawn = [network.fingerprint in points for network in sample(8, most_published=most)]
        assert drawn[:most] == [True] * most
        assert not all(drawn)


def test_they_are_spread_over_the_logarithm_of_the_cost() -> None:
    costs = np.sort(np.log10([screening_cost(network).macs for network in sample(25)]))
    assert costs[-1] - costs[0] > 1.5
    assert np.diff(costs).max() < (costs[-1] - costs[0]) / 5


def test_the_seed_decides() -> None:
    assert sample(12, seed=1) == sample(12, seed=1) != sample(12, seed=2)


def test_asking_for_more_adds_to_what_there_was() -> None:
    few, more = sample(8), sample(12)
    assert more[:8] == few
    assert sample(12, few)[:8] == few
    assert sample(4, few) == few


def test_a_space_with_few_networks_gives_what_it_has() -> None:
    assert draw_sample(problem("1M-MACs"), 5) == []
    drawn = [draw.architecture.fingerprint for draw in draw_sample(problem("100M-MACs"), 100)]
    assert 0 < len(set(drawn)) == len(drawn) < 100
