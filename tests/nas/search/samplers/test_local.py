import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from searches import SPACES

from nas.search.samplers.local import Local, loneliness
from nas.search.samplers.observations import Observations
from nas.search.samplers.problem import Problem
from search_spaces import load_plugin

from .replay import search, tiles


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_mutation_changes_one_to_three_choices_that_are_free(seed: int) -> None:
    local = Local(Problem.of(tiles(fixed={"tail": 2})), seed, 40)
    parent = local.problem.random(local.rng)
    child = local.mutated(parent)
    assert 1 <= sum(child[name] != parent[name] for name in parent) <= 3
    assert child["tail"] == 2


def test_an_ordered_choice_mostly_moves_to_a_neighbour() -> None:
    local = Local(Problem.of(tiles()), 0, 40)
    moved = [local._other("cell1.width", 16) for _ in range(200)]
    assert 16 not in moved
    assert 150 < sum(value in (8, 24) for value in moved) < 200


def test_a_choice_without_effect_is_not_what_is_changed() -> None:
    load_plugin(SPACES / "dots.py")
    local = Local(Problem.of(tiles(space="dots", fixed={"kernel": 1})), 0, 40)
    parent = {"width": 8, "kernel": 1, "padded": False}  # a kernel of 1 needs no padding
    assert {local.mutated(parent)["padded"] for _ in range(20)} == {False}


def test_the_loneliest_members_of_the_front_are_chosen_most() -> None:
    study = search(tiles(trials=20))
    observed = Observations.look(Problem.of(tiles()), study, study.ask()._get_latest_trial())
    weights = loneliness(observed)
    assert len(weights) == len(observed.front) > 2
    by_cost = np.argsort(observed.points[observed.front][:, 1])
    assert weights[by_cost[0]] == weights[by_cost[-1]] == weights.max()
    assert weights.min() > 0
