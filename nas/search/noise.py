"""The noise of a training: how much the PSNR of one network differs between trainings by different seeds."""

import math
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise
from statistics import NormalDist

import numpy as np

from nas.search.extrapolation import TO_DEVIATION
from nas.search.front import Candidate
from nas.table import SHIPPED, Row, read_table

TABLES = "infrared-x2.json.gz", "infrared-x2-long.json.gz"
CONFIDENCE = 0.95


@cache
def usual_noise(steps: int) -> float:
    """Return the standard deviation in dB between trainings of one network, for about this many steps.

    It is that of the shipped table whose trainings are the most similar in length.
    """
    tables = [read_table(SHIPPED / name) for name in TABLES]
    nearest = min(tables, key=lambda table: abs(math.log(table.header.recipe.steps / steps)))
    return noise_of(nearest.trained)


def noise_of(rows: Iterable[Row]) -> float:
    """Return the standard deviation in dB between trainings of one network, from those trained by two seeds or more.

    By the median, since a training that fails by one seed alone differs by dBs. 0 if no network was trained twice.
    """
    gaps = []
    for row in rows:
        if len(row.trained) > 1:
            first, second = (training.curve[-1][1] for training in row.trained[:2])
            gaps.append(abs(first - second))
    return TO_DEVIATION * float(np.median(gaps)) / 2**0.5 if gaps else 0.0


def telling_gap(noise: float) -> float:
    """Return the gap in dB that shows which of two networks is better, one training each, with 95 % confidence."""
    return NormalDist().inv_cdf(CONFIDENCE) * 2**0.5 * noise


def within_noise(front: Sequence[Candidate], noise: float) -> set[int]:
    """Return the trials of a front, cheapest first, that may be no better than the next cheaper member."""
    doubtful = set()
    for cheaper, member in pairwise(front):
        if 0 <= member.psnr - cheaper.psnr < telling_gap(noise):
            doubtful.add(member.trial)
    return doubtful
