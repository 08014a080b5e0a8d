"""Agreement of two orders of networks, and intervals of figures: Kendall's tau, cost bands, recall, bootstrap."""

import math
import warnings
from typing import Any

import numpy as np
from scipy.stats import rankdata

Numbers = np.ndarray[Any, np.dtype[np.float64]]
Indices = np.ndarray[Any, np.dtype[np.int64]]

TOP = 0.1
"""Share of the networks that count as the best."""
BANDS = 4
RESAMPLES = 1000
CONFIDENCE = 0.95


def draws(count: int, seed: int = 0, resamples: int = RESAMPLES) -> Indices:
    """Return the indices of `resamples` samples of `count` items with replacement (Efron's bootstrap), [R, count]."""
    return np.random.default_rng(seed).integers(max(1, count), size=(resamples, count))


def interval(resampled: Numbers) -> tuple[Numbers, Numbers]:
    """Return the ends of the 95 % interval of [R, …] figures of resamples; NaN if no figure is defined."""
    tail = 100 * (1 - CONFIDENCE) / 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # raised if all figures are NaN
        low, high = np.nanpercentile(resampled, (tail, 100 - tail), axis=0)
    return np.asarray(low), np.asarray(high)


def cost_bands(macs: Numbers, count: int = BANDS) -> Indices:
    """Return the band number of each network, [N]. The bands are quantiles of the costs, so equally large.

    Networks of equal cost are in the same band, so there may be fewer and larger bands.
    """
    edges = np.quantile(macs, np.linspace(0, 1, count + 1)[1:-1])
    return np.asarray(np.searchsorted(edges, macs, side="left"), dtype=np.int64)


def taus(values: Numbers, truth: Numbers, drawn: Indices) -> Numbers:
    """Return Kendall's tau-b for each row of `drawn`, [R, n] indices of [N] networks: [R].

    Computed by matrix products, since scipy takes one row at a time. A network that is drawn twice is tied with itself.
    NaN if all values or all truths are equal.
    """
    agreeing, mine, theirs = _pairs(values, truth, _counts(drawn, len(values)))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(agreeing / np.sqrt(mine * theirs))


def banded_taus(values: Numbers, truth: Numbers, bands: Indices, drawn: Indices) -> Numbers:
    """Return the mean of tau-b within bands, weighted by the pairs of each band, for each row of `drawn`: [R].

    A band in which all truths are equal is left out. A band in which only the values are equal counts as tau 0. NaN if
    no band has an order of values and truths.
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
    """Return the share of the best `TOP` by truth that is in the best `TOP` by value, for each row of [R, n]: [R].

    At least one network counts as best. Equal networks share the last places.
    """
    best = max(1, math.ceil(TOP * values.shape[1]))
    return np.asarray((_chosen(values, best) * _chosen(truth, best)).sum(axis=1) / best)


def _chosen(values: Numbers, best: int) -> Numbers:
    """Return the probability of each element of [R, n] to be among the `best` largest of its row, ties at random."""
    last = -np.partition(-values, best - 1, axis=1)[:, best - 1 : best]
    above, level = values > last, values == last
    places = best - above.sum(axis=1, keepdims=True)
    return np.asarray(above + level * places / level.sum(axis=1, keepdims=True))


def correlations(values: Numbers, truth: Numbers) -> Numbers:
    """Return Spearman's correlation of each row of [R, n]: [R]."""
    mine, theirs = (
        rankdata(values, axis=1) - (values.shape[1] + 1) / 2 for values in (values, truth)
    )  # less their mean
    product, own, other = ((a * b).sum(axis=1) for a, b in ((mine, theirs), (mine, mine), (theirs, theirs)))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(product / np.sqrt(own * other))


def _counts(drawn: Indices, n: int) -> Numbers:
    """Return the number of occurrences of each of `n` networks in each row of [R, n'] indices: [R, n]."""
    flat = drawn + n * np.arange(len(drawn))[:, None]
    return np.bincount(flat.ravel(), minlength=n * len(drawn)).reshape(len(drawn), n).astype(np.float64)


def _pairs(values: Numbers, truth: Numbers, counts: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Return concordant minus discordant pairs, pairs untied by value, and pairs untied by truth, each [R].

    Every pair is counted twice.
    """
    mine, theirs = (np.sign(rows[:, None] - rows).astype(np.float64) for rows in (values, truth))
    agreeing, untied, distinct = (
        np.einsum("ri,ri->r", counts @ matrix, counts) for matrix in (mine * theirs, np.abs(mine), np.abs(theirs))
    )
    return agreeing, untied, distinct
