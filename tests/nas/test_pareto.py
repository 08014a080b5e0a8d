import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.objectives import resolve
from nas.pareto import Points, best_first, crowding, hypervolume, is_on_front, losses, ranks


def points_of(objectives: int) -> st.SearchStrategy[Points]:
    """Few values, so that many points are equal in some objectives or in all."""
    point = st.tuples(*[st.integers(0, 6).map(float)] * objectives)
    return st.lists(point, max_size=12).map(lambda p: np.array(p, dtype=np.float64).reshape(len(p), objectives))


any_points = st.integers(2, 4).flatmap(points_of)


def dominates(a: Points, b: Points) -> bool:
    return bool((a <= b).all() and (a < b).any())


def test_qualities_are_negated_and_costs_count_in_octaves() -> None:
    figures = [{"psnr": 30.0, "macs": 8.0, "params": 2.0}, {"psnr": 31.0, "macs": 16.0, "params": 1.0}]
    assert losses(figures, resolve(("psnr", "macs"))).tolist() == [[-30.0, 3.0], [-31.0, 4.0]]
    assert losses(figures, resolve(("params", "psnr"))).tolist() == [[1.0, -30.0], [0.0, -31.0]]
    assert losses([], resolve(("psnr", "macs"))).shape == (0, 2)


@given(any_points)
def test_rank_0_is_what_no_other_dominates(points: Points) -> None:
    expected = [not any(dominates(other, point) for other in points) for point in points]
    assert (ranks(points) == 0).tolist() == expected


@given(any_points)
def test_each_rank_is_the_front_of_what_the_ranks_before_leave(points: Points) -> None:
    rank = ranks(points)
    for level in range(int(rank.max(initial=-1)) + 1):
        left = points[rank >= level]
        assert (ranks(left) == 0).tolist() == (rank[rank >= level] == level).tolist()


@given(any_points)
def test_of_equal_points_the_first_alone_is_on_the_front(points: Points) -> None:
    expected = [
        not any(dominates(other, point) for other in points) and not any((other == point).all() for other in points[:i])
        for i, point in enumerate(points)
    ]
    assert is_on_front(points).tolist() == expected


def test_crowding_is_deb_s() -> None:
    front = np.array([[0.0, 10.0], [1.0, 6.0], [2.0, 5.0], [10.0, 0.0]])
    # Of each inner point, per objective: the distance between its two neighbours, by the range of the objective.
    assert crowding(front).tolist() == [math.inf, 2 / 10 + 5 / 10, 9 / 10 + 6 / 10, math.inf]


@given(st.integers(2, 4), st.integers(1, 8), st.data())
def test_crowding_does_not_depend_on_the_order(objectives: int, count: int, data: st.DataObject) -> None:
    columns = [data.draw(st.permutations(range(count))) for _ in range(objectives)]  # no two are equal in anything
    points, order = np.array(columns, dtype=np.float64).T, data.draw(st.permutations(range(count)))
    assert crowding(points[order]).tolist() == pytest.approx(crowding(points)[order].tolist())


@given(any_points)
def test_the_best_come_first_by_rank_then_by_loneliness(points: Points) -> None:
    order, rank = best_first(points), ranks(points)
    assert sorted(order) == list(range(len(points)))
    assert [rank[i] for i in order] == sorted(rank)
    first = [i for i in order if rank[i] == 0]
    members = np.flatnonzero(rank == 0)
    lonely = dict(zip(members.tolist(), crowding(points[members]).tolist(), strict=True))
    assert [lonely[i] for i in first] == sorted(lonely.values(), reverse=True)


@given(points_of(2))
def test_the_hypervolume_of_two_objectives_is_the_area_of_the_staircase(points: Points) -> None:
    """Counted in unit squares: one is dominated if a point lies at or below its lower left corner."""
    squares = sum(any(x <= i and y <= j for x, y in points) for i in range(5) for j in range(4))
    assert hypervolume(points, (5.0, 4.0)) == pytest.approx(squares)


@given(points_of(3))
def test_the_hypervolume_of_three_objectives_is_that_of_the_cubes(points: Points) -> None:
    cubes = sum(
        any((point <= (i, j, k)).all() for point in points) for i in range(4) for j in range(4) for k in range(4)
    )
    assert hypervolume(points, (4.0, 4.0, 4.0)) == pytest.approx(cubes)


@given(any_points, st.data())
def test_another_point_never_shrinks_the_hypervolume(points: Points, data: st.DataObject) -> None:
    reference = [5.0] * points.shape[1]
    another = data.draw(st.tuples(*[st.integers(0, 6).map(float)] * points.shape[1]))
    assert hypervolume(np.vstack([points, another]), reference) >= hypervolume(points, reference) - 1e-9
