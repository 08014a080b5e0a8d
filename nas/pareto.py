"""Comparing networks by several objectives: ranks, crowding and hypervolume."""

from collections.abc import Mapping, Sequence
from typing import Any

import moocore
import numpy as np

from nas.objectives import Objective

Points = np.ndarray[Any, np.dtype[np.float64]]
"""[N, K]: a row for each network, a column for each objective; smaller is better."""


def losses(figures: Sequence[Mapping[str, float]], objectives: Sequence[Objective]) -> Points:
    """Return the figures of networks as points to minimise: negated qualities, and costs as binary logarithms.

    With logarithms, half the cost is worth the same at any cost. On a camera the factor between costs matters, and the
    picture of a front has a logarithmic axis.
    """
    points = np.empty((len(figures), len(objectives)))
    for row, figure in enumerate(figures):
        for column, objective in enumerate(objectives):
            value = figure[objective.name]
            points[row, column] = np.log2(value) if objective.is_cost else -value
    return points


def ranks(points: Points) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the rank of each point, the number of fronts before its own front: 0 for points that none dominates."""
    if not len(points):
        return np.zeros(0, dtype=np.int64)
    return np.asarray(moocore.pareto_rank(points), dtype=np.int64)


def is_on_front(points: Points) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return for each point whether no point dominates it. Of equal points only the first counts."""
    if not len(points):
        return np.zeros(0, dtype=np.bool_)
    return np.asarray(moocore.is_nondominated(points), dtype=np.bool_)


def crowding(points: Points) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the crowding distance of each point of a front: the distance of its neighbours, summed over objectives.

    It is infinite for points at the ends (NSGA-II, Deb et al. 2002, doi 10.1109/4235.996017).
    """
    distance = np.zeros(len(points))
    for column in points.T if len(points) else ():
        order = np.argsort(column, kind="stable")
        ordered = column[order]
        distance[order[[0, -1]]] = np.inf
        if ordered[-1] > ordered[0]:
            distance[order[1:-1]] += (ordered[2:] - ordered[:-2]) / (ordered[-1] - ordered[0])
    return distance


def best_first(points: Points) -> list[int]:
    """Return the indices of the points ordered by rank, then by decreasing crowding distance, then by index."""
    rank = ranks(points)
    order: list[int] = []
    for level in range(int(rank.max()) + 1 if len(rank) else 0):
        members = np.flatnonzero(rank == level)
        distance = crowding(points[members])
        order += [int(i) for i in members[np.argsort(-distance, kind="stable")]]
    return order


def hypervolume(points: Points, reference: Sequence[float]) -> float:
    """Return the volume that the points dominate up to the reference point (Zitzler & Thiele 1999).

    For PSNR and MACs it is in dB times octaves: the area under the front in its picture.
    """
    inside = points[(points < np.asarray(reference)).all(axis=1)] if len(points) else points
    return float(moocore.hypervolume(inside, ref=np.asarray(reference))) if len(inside) else 0.0


def improvement(point: Points, front: Points, reference: Points) -> float:
    """Return the hypervolume that a point, [K], adds to that of a front, [N, K] (Emmerich et al. 2006)."""
    if (front <= point).all(axis=1).any() or (point >= reference).any():
        return 0.0
    box = float(np.prod(reference - point))
    return box - hypervolume(np.maximum(front, point), list(reference))
