"""Which networks are best where several things count: ranks, crowding, hypervolume."""

from collections.abc import Mapping, Sequence
from typing import Any

import moocore
import numpy as np

from nas.objectives import Objective

Points = np.ndarray[Any, np.dtype[np.float64]]
"""[N, K]: a network a row, an objective a column; the smaller, the better."""


def losses(figures: Sequence[Mapping[str, float]], objectives: Sequence[Objective]) -> Points:
    """Return the figures of networks as points to minimise: qualities negated, costs as their binary logarithm.

    So that half the cost is worth the same everywhere: what counts on a camera is the factor, and a picture of the
    front has a logarithmic axis.
    """
    return np.array(
        [[np.log2(f[o.name]) if o.is_cost else -f[o.name] for o in objectives] for f in figures], dtype=np.float64
    ).reshape(len(figures), len(objectives))


def ranks(points: Points) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return for each point how many fronts lie before its own: 0 for what no other dominates."""
    if not len(points):
        return np.zeros(0, dtype=np.int64)
    return np.asarray(moocore.pareto_rank(points), dtype=np.int64)


def is_on_front(points: Points) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Tell of each point whether no other dominates it; of equal points the first alone."""
    if not len(points):
        return np.zeros(0, dtype=np.bool_)
    return np.asarray(moocore.is_nondominated(points), dtype=np.bool_)


def crowding(points: Points) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return how far each point is from its neighbours, summed over the objectives; infinite at the ends.

    The crowding distance of NSGA-II (Deb et al. 2002, doi 10.1109/4235.996017), for points of one front.
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
    """Return the indices of the points by their rank, within a rank the loneliest first; of equals the earlier."""
    rank = ranks(points)
    order: list[int] = []
    for level in range(int(rank.max()) + 1 if len(rank) else 0):
        members = np.flatnonzero(rank == level)
        lonely = crowding(points[members])
        order += [int(i) for i in members[np.argsort(-lonely, kind="stable")]]
    return order


def hypervolume(points: Points, reference: Sequence[float]) -> float:
    """Return the volume that the points dominate up to `reference`, the worst that counts (Zitzler & Thiele 1999).

    Of two objectives, PSNR and MACs, it is in dB times octaves: the area under the front in its picture.
    """
    inside = points[(points < np.asarray(reference)).all(axis=1)] if len(points) else points
    return float(moocore.hypervolume(inside, ref=np.asarray(reference))) if len(inside) else 0.0
