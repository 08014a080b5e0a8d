"""How two orders of networks agree, and how sure a figure is: Kendall's tau, cost bands, recall, bootstrap."""

import math
import warnings
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


def draws(count: int, seed: int = 0, resamples: int = RESAMPLES) -> Indices:
    """Return the indices of `resamples` samples of `count` things with replacement (Efron's bootstrap), [R, count]."""
    return np.random.default_rng(seed).integers(max(1, count), size=(resamples, count))


def interval(resampled: Numbers) -> tuple[Numbers, Numbers]:
    """Return the ends of the interval of 95 % of [R, …] figures of resamples; NaN where none is defined."""
    tail = 100 * (1 - CONFIDENCE) / 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of resamples none of which is defined
        low, high = np.nanpercentile(resampled, (tail, 100 - tail), axis=0)
    return np.asarray(low), np.asarray(high)


def cost_bands(macs: Numbers, count: int = BANDS) -> Indices:
    """Return for each of [N] networks the number of its band; the bands are quantiles, so equally full.

    Networks of equal cost are in one band, so there may be fewer bands, and fuller ones.
    """
    edges = np.quantile(macs, np.linspace(0, 1, count + 1)[1:-1])
    return np.asarray(np.searchsorted(edges, macs, side="left"), dtype=np.int64)


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


def correlations(values: Numbers, truth: Numbers) -> Numbers:
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
