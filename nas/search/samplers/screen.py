"""Screens: they choose, among many draws of a sampler, the candidates that are worth a training."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from nas.errors import InputError
from nas.pareto import ranks
from nas.search.samplers.observations import Observations
from nas.search.samplers.prior import Prior
from nas.search.samplers.problem import Draw
from nas.search.samplers.sampler import Screening
from nas.search.samplers.surrogate import SurrogateScreen
from proxies import PROXIES
from search_spaces import Architecture
from search_spaces.documents import shortened
from search_spaces.registry import unknown_name

Score = Callable[[str, Architecture], float]
"""(proxy, candidate) → score, higher is better; NaN if the candidate cannot be scored."""

SURROGATE = "surrogate"
"""The screen that learns from the search itself."""
DEFAULT_POOL = 100
SHARE = 5
"""A screen without a number gets the size of the previous pool divided by this."""


def parse_screens(texts: Sequence[str]) -> list[tuple[str, int]]:
    """Read `zico:100`, `surrogate:20`, or names alone, as (name, pool) in their order.

    Raises InputError for a pool that isn't smaller than the one before, or under two; UnknownNameError for a name.
    """
    screens: list[tuple[str, int]] = []
    for text in texts:
        name, colon, pool = text.partition(":")
        if colon and not re.fullmatch(r"[0-9]{1,9}", pool):
            raise InputError(
                f"'{shortened(text)}' is not a screen; write it as {shortened(name) or SURROGATE}:{DEFAULT_POOL}."
            )
        _check_name(name)
        before = screens[-1][1] if screens else None
        size = int(pool) if colon else before // SHARE if before else DEFAULT_POOL
        if size < 2:
            raise InputError(f"The screen '{name}' must choose from at least two candidates, not {size}.")
        if before is not None and size >= before:
            raise InputError(f"The screen '{name}' can't choose from {size} candidates where {before} are drawn.")
        screens.append((name, size))
    return screens


def check_screens(texts: Sequence[str], sampler: str) -> None:
    """Raise InputError or UnknownNameError unless the sampler may have these screens."""
    if parse_screens(texts) and sampler == "gp":
        raise InputError(
            "The sampler 'gp' takes seconds for a candidate, too long to draw a pool for a screen; give another "
            f"--sampler: --screen {SURROGATE} is a Gaussian process, too."
        )


def make_screens(texts: Sequence[str], score: Score | None, prior: Prior | None = None) -> list[tuple[int, Screening]]:
    """Return the screens that `texts` name, each with its pool. Raises as `parse_screens` does."""
    screens: list[tuple[int, Screening]] = []
    for name, pool in parse_screens(texts):
        if name == SURROGATE:
            screens.append((pool, SurrogateScreen(prior)))
        elif score is None:
            raise ValueError(f"The screen '{name}' needs data, which only a worker has.")
        else:
            screens.append((pool, ProxyScreen(name, score)))
    return screens


def _check_name(name: str) -> None:
    known = [SURROGATE, *(proxy.name for proxy in PROXIES if not proxy.trains)]
    if name in known:
        return
    if name in PROXIES.names():
        raise InputError(f"The proxy '{name}' trains, so it is no screen; screens are {', '.join(sorted(known))}.")
    raise unknown_name("screen", name, known)


@dataclass(frozen=True)
class ProxyScreen:
    """Keeps the candidates with the best score for their cost: whole fronts, and a random part of the last front."""

    name: str
    score: Score

    def __call__(self, pool: Sequence[Draw], keep: int, observed: Observations, rng: Generator) -> list[Draw]:
        """Return `keep` of the candidates; candidates without a score come last."""
        scores = [self.score(self.name, draw.architecture) for draw in pool]
        best_first = order(scores, pool, observed, rng)
        return [pool[i] for i in best_first[:keep]]

    def can_tell(self, observed: Observations) -> bool:
        """Return True: a score needs no other network."""
        return True


def order(scores: Sequence[float], pool: Sequence[Draw], observed: Observations, rng: Generator) -> list[int]:
    """Return the indices of the candidates by the rank of their score and costs, within a rank at random.

    The costs are the objectives among MACs and parameters, else the multiply-adds.
    """
    costs = [list(observed.problem.known_costs(draw.cost).values()) or [float(draw.cost.macs)] for draw in pool]
    worth = [-score if math.isfinite(score) else math.inf for score in scores]
    rank = ranks(np.column_stack([np.array(worth), np.array(costs)]))
    # A candidate without a score may be the cheapest of all, and must still come last.
    last = np.where(np.isfinite(worth), rank, rank.max() + 1)
    shuffled = rng.permutation(len(pool))
    return [int(i) for i in shuffled[np.argsort(last[shuffled], kind="stable")]]
