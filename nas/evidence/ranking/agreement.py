"""The agreement of a proxy's order of networks with the order by the reference training, with intervals."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nas.evidence.statistics import (
    Indices,
    Numbers,
    banded_taus,
    correlations,
    cost_bands,
    draws,
    interval,
    recalls,
    taus,
)


@dataclass(frozen=True)
class Ranked:
    """The scores of networks by one proxy; higher is better."""

    name: str
    values: Numbers
    """The scores, [N]; NaN for a network without a score."""
    seconds: float | None = None
    """Median seconds of a score; None if not measured."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval; NaN if undefined, such as the order of equal values."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Agreement:
    """The agreement of a proxy's order with the reference order."""

    proxy: str
    networks: int
    tau: Estimate
    """Kendall's tau-b, -1 to 1: the share of pairs in the same order minus the share in the opposite order."""
    spearman: Estimate
    """Spearman's correlation of the ranks, -1 to 1."""
    recall: Estimate
    """Share of the best tenth that is in the proxy's best tenth, 0 to 1; 0.1 by chance."""
    tau_at_equal_cost: Estimate
    """Kendall's tau-b within bands of MACs, weighted by the pairs of networks in each band."""
    pairs: int
    """Number of pairs within bands."""
    seconds: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, undefined figures as None."""
        return {key: _finite_only(value) for key, value in asdict(self).items()}


def judge(proxy: Ranked, truth: Numbers, macs: Numbers, seed: int = 0) -> Agreement:
    """Compare the order of a proxy with the reference order.

    Networks without a score are left out. Intervals are percentiles over resamples of the networks (Efron's bootstrap).

    Args:
        proxy: The scores.
        truth: Figures of the reference training, such as PSNR in dB, [N].
        macs: Multiply-adds, [N]. Their quantiles make the bands.
        seed: Seed of the resamples.
    """
    is_scored = np.isfinite(proxy.values) & np.isfinite(truth)
    values, truth, bands = proxy.values[is_scored], truth[is_scored], cost_bands(macs)[is_scored]
    n = len(values)
    resampled = draws(n, seed)
    once = np.arange(n)[None]

    def estimate(figure: Callable[[Indices], Numbers]) -> Estimate:
        return _estimate(float(figure(once)[0]), figure(resampled)) if n > 1 else Estimate(math.nan, math.nan, math.nan)

    return Agreement(
        proxy.name,
        n,
        tau=estimate(lambda drawn: taus(values, truth, drawn)),
        spearman=estimate(lambda drawn: correlations(values[drawn], truth[drawn])),
        recall=estimate(lambda drawn: recalls(values[drawn], truth[drawn])),
        tau_at_equal_cost=estimate(lambda drawn: banded_taus(values, truth, bands, drawn)),
        pairs=sum(math.comb(int((bands == band).sum()), 2) for band in np.unique(bands)),
        seconds=proxy.seconds,
    )


def _estimate(value: float, resampled: Numbers) -> Estimate:
    low, high = interval(resampled)
    return Estimate(value, float(low), float(high))


def _finite_only(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite_only(field) for key, field in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
