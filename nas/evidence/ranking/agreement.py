"""How well a proxy ranks networks: what of the order by the truth is in the order by its values, and how surely."""

import math
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import rankdata

Numbers = np.ndarray[Any, np.dtype[np.float64]]
Indices = np.ndarray[Any, np.dtype[np.int64]]

TOP = 0.1
"""The share of the networks that count as the best."""
BANDS = 4
RESAMPLES = 1000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Ranked:
    """What one proxy says of each network; the higher, the better."""

    name: str
    values: Numbers
    """[N]; NaN where it says nothing."""
    seconds: float | None = None
    """What it takes a network, the median; None where nobody measured it."""


@dataclass(frozen=True)
class Estimate:
    """A figure and its interval of 95 %; NaN where it is not defined, as the order of equal values."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Agreement:
    """How well a proxy's order agrees with the true one."""

    proxy: str
    networks: int
    tau: Estimate
    """Kendall's tau-b: of two networks, how much more often in the same order than in the other; -1 to 1."""
    spearman: Estimate
    """The correlation of the ranks, -1 to 1."""
    recall: Estimate
    """How many of the best tenth are among the proxy's best tenth, 0 to 1; by chance 0.1."""
    tau_at_equal_cost: Estimate
    """Kendall's tau-b within bands of MACs, the mean over the pairs of networks there."""
    pairs: int
    """How many those are."""
    seconds: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, undefined figures as None."""
        return {key: _plain(value) for key, value in asdict(self).items()}


def cost_bands(macs: Numbers, count: int = BANDS) -> Indices:
    """Return for each of [N] networks the number of its band; the bands are quantiles, so equally full.

    Networks of equal cost are in one band, so there may be fewer bands, and fuller ones.
    """
    edges = np.quantile(macs, np.linspace(0, 1, count + 1)[1:-1])
    return np.asarray(np.searchsorted(edges, macs, side="left"), dtype=np.int64)


def judge(proxy: Ranked, truth: Numbers, macs: Numbers, seed: int = 0) -> Agreement:
    """Compare a proxy with the truth, e.g. PSNR in dB after full training, of [N] networks with these multiply-adds.

    Networks that it says nothing of are left out. Intervals are percentiles over `RESAMPLES` draws of the networks with
    replacement (Efron's bootstrap). The bands are those of all networks.
    """
    known = np.isfinite(proxy.values) & np.isfinite(truth)
    values, truth, bands = proxy.values[known], truth[known], cost_bands(macs)[known]
    n = len(values)
    draws = np.random.default_rng(seed).integers(max(1, n), size=(RESAMPLES, n))
    once = np.arange(n)[None]

    def estimate(figure: Callable[[Indices], Numbers]) -> Estimate:
        return _estimate(float(figure(once)[0]), figure(draws)) if n > 1 else Estimate(math.nan, math.nan, math.nan)

    return Agreement(
        proxy.name,
        n,
        tau=estimate(lambda drawn: taus(values, truth, drawn)),
        spearman=estimate(lambda drawn: _correlations(values[drawn], truth[drawn])),
        recall=estimate(lambda drawn: recalls(values[drawn], truth[drawn])),
        tau_at_equal_cost=estimate(lambda drawn: banded_taus(values, truth, bands, drawn)),
        pairs=sum(math.comb(int((bands == band).sum()), 2) for band in np.unique(bands)),
        seconds=proxy.seconds,
    )


def taus(values: Numbers, truth: Numbers, drawn: Indices) -> Numbers:
    """Return Kendall's tau-b of the networks of each row of `drawn`, [R, n] indices of [N] networks: [R].

    As products of matrices, since scipy takes one row at a time. A network drawn twice is tied with itself in both. NaN
    where the values or the truth are the same for all.
    """
    agreeing, mine, theirs = _pairs(values, truth, _counts(drawn, len(values)))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(agreeing / np.sqrt(mine * theirs))


def banded_taus(values: Numbers, truth: Numbers, bands: Indices, drawn: Indices) -> Numbers:
    """Return for each row of `drawn` the mean of the tau-b within each band, weighted by its pairs: [R].

    A band in which the truth is the same for all says nothing; where only the proxy is, it orders no pair: 0. NaN where
    it orders none in any band.
    """
    counts = _counts(drawn, len(values))
    total, weight = np.zeros(len(drawn)), np.zeros(len(drawn))
    orders = np.zeros(len(drawn), dtype=bool)
    for band in np.unique(bands):
        members = bands == band
        of_band = counts[:, members]
        agreeing, mine, theirs = _pairs(values[members], truth[members], of_band)
        size = of_band.sum(axis=1)
        pairs = np.where(theirs > 0, size * (size - 1) / 2, 0)
        both = np.sqrt(mine * theirs)
        total += pairs * np.divide(agreeing, both, out=np.zeros_like(both), where=both > 0)
        weight += pairs
        orders |= both > 0
    return np.asarray(np.divide(total, weight, out=np.full(len(drawn), np.nan), where=orders))


def recalls(values: Numbers, truth: Numbers) -> Numbers:
    """Return for each row of [R, n] which share of the truly best `TOP` are among the best by value: [R].

    At least one network counts as best. Of equal ones that compete for the last places each has its share of them.
    """
    best = max(1, math.ceil(TOP * values.shape[1]))
    return np.asarray((_chosen(values, best) * _chosen(truth, best)).sum(axis=1) / best)


def _chosen(values: Numbers, best: int) -> Numbers:
    """Return for each of [R, n] how probably it is among the `best` largest of its row, ties broken by lot."""
    last = -np.partition(-values, best - 1, axis=1)[:, best - 1 : best]
    above, level = values > last, values == last
    places = best - above.sum(axis=1, keepdims=True)
    return np.asarray(above + level * places / level.sum(axis=1, keepdims=True))


def _correlations(values: Numbers, truth: Numbers) -> Numbers:
    """Return Spearman's correlation of each row of [R, n]: [R]."""
    mine, theirs = (rankdata(one, axis=1) - (one.shape[1] + 1) / 2 for one in (values, truth))  # less their mean
    product, own, other = ((a * b).sum(axis=1) for a, b in ((mine, theirs), (mine, mine), (theirs, theirs)))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(product / np.sqrt(own * other))


def _counts(drawn: Indices, n: int) -> Numbers:
    """Return how often each of `n` networks is in each row of [R, n'] indices: [R, n]."""
    flat = drawn + n * np.arange(len(drawn))[:, None]
    return np.bincount(flat.ravel(), minlength=n * len(drawn)).reshape(len(drawn), n).astype(np.float64)


def _pairs(values: Numbers, truth: Numbers, counts: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Return, each [R] and twice over, the pairs in order less those out of it, those untied by value, by truth."""
    mine, theirs = (np.sign(one[:, None] - one).astype(np.float64) for one in (values, truth))
    agreeing, untied, distinct = (
        np.einsum("ri,ri->r", counts @ matrix, counts) for matrix in (mine * theirs, np.abs(mine), np.abs(theirs))
    )
    return agreeing, untied, distinct


def _estimate(value: float, resampled: Numbers) -> Estimate:
    tail = 100 * (1 - CONFIDENCE) / 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of draws none of which is defined
        low, high = np.nanpercentile(resampled, (tail, 100 - tail))
    return Estimate(value, float(low), float(high))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
