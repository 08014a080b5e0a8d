import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from searches import settings as run_settings

from nas.search.samplers.falsr import Falsr, modified_crowding, survivors
from nas.search.samplers.genome import Genome
from nas.search.samplers.problem import Problem
from search_spaces import SPACES

from .replay import tiles


def falsr(seed: int = 0, **changed: object) -> Falsr:
    sampler = Falsr(Problem.of(tiles(**changed)), seed, 40)
    sampler.genome = Genome.of(sampler.problem.free)
    return sampler


def test_the_genome_of_falsr_is_the_papers() -> None:
    problem = Problem.of(run_settings(space="falsr", fixed={"image_skip": True}))
    genome = Genome.of(problem.free)
    assert [len(cell) for cell in genome.cells] == [5] * 7
    assert [len(row) for row in genome.rows] == [7, 6, 5, 4, 3, 2, 1]  # c_1 to c_7, 28 bits
    assert genome.rows[0] == tuple(f"edge.0-{target}" for target in range(2, 9))
    assert genome.single == ()


def test_a_space_without_cells_has_one_choice_a_group() -> None:
    genome = Genome.of(SPACES.get("espcn").options)
    assert genome.operators == genome.single and len(genome.single) == len(SPACES.get("espcn").options)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_crossover_takes_one_cell_one_row_and_one_other_choice_from_the_second_parent(seed: int) -> None:
    sampler = falsr(seed)
    first, second = sampler.problem.random(sampler.rng), sampler.problem.random(sampler.rng)
    child = sampler.crossed(first, second)
    assert len(sampler.genome.chromosomes) == 3
    for groups in sampler.genome.chromosomes:
        differing = [g for g in groups if any(child[name] != first[name] for name in g)]
        assert len(differing) <= 1
        assert all(child[name] == second[name] for group in differing for name in group)
        parents_differ = all(any(first[name] != second[name] for name in g) for g in groups)
        assert len(differing) == 1 or not parents_differ


def test_the_first_networks_repeat_one_cell_and_have_all_no_or_random_connections() -> None:
    sampler, edges = falsr(), []
    for _ in range(60):
        first = sampler.first()
        assert len({(first[f"cell{i}.kind"], first[f"cell{i}.width"]) for i in range(1, 5)}) == 1
        edges.append(sum(bool(first[name]) for row in sampler.genome.rows for name in row))
    assert edges.count(0) > 10 and edges.count(3) > 10 and {1, 2} & set(edges)


def test_the_wheel_favours_cheap_cells_and_leaves_connections_alone() -> None:
    sampler = falsr()
    child = sampler.problem.random(sampler.rng)
    spun = [sampler._spun(child, "macs") for _ in range(40)]
    assert not any(name.startswith("edge") for drawn in spun for name in drawn)
    price = [sampler.problem.draw({**child, **drawn}).cost.macs for drawn in spun]
    plain = [sampler.problem.draw({**child, **sampler.problem.random(sampler.rng)}).cost.macs for _ in range(40)]
    assert np.median(price) < 0.8 * np.median(plain)


def test_exploitation_draws_what_the_best_have_in_common() -> None:
    sampler = falsr()
    elite = [{**sampler.problem.random(sampler.rng), "cell3.kind": "wide", "edge.1-3": True} for _ in range(8)]
    drawn = [sampler._exploited(elite) for _ in range(100)]
    assert sum(network["cell3.kind"] == "wide" for network in drawn) > 85
    assert sum(network["edge.1-3"] is True for network in drawn) > 75


def test_the_modified_crowding_counts_the_gap_to_the_next_worse() -> None:
    points = np.array([[0.0, 4.0], [1.0, 3.0], [3.0, 1.0], [4.0, 0.0]])
    assert modified_crowding(points).tolist() == [
        math.inf,
        pytest.approx(2 / 4 + 1 / 4),
        pytest.approx(1 / 4 + 2 / 4),
        math.inf,
    ]


def test_of_two_with_equal_gaps_around_the_one_nearer_to_the_front_survives() -> None:
    # Both lie in the box between the ends; NSGA-II's distance can't tell where in it.
    near, far = (
        modified_crowding(np.array([[0, 4], [1, 1], [4, 0]])),
        modified_crowding(np.array([[0, 4], [3, 3], [4, 0]])),
    )
    assert near[1] > far[1]


def test_survivors_come_by_their_rank_first() -> None:
    assert survivors(np.array([[2.0, 2.0], [1.0, 1.0], [0.0, 3.0]])) in ([1, 2, 0], [2, 1, 0])
