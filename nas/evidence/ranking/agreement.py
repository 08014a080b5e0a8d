"""How well a proxy ranks networks: what of the order by the truth is in the order by its values, and how surely."""

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


def judge(proxy: Ranked, truth: Numbers, macs: Numbers, seed: int = 0) -> Agreement:
    """Compare a proxy with the truth, e.g. PSNR in dB after full training, of [N] networks with these multiply-adds.

    Networks that it says nothing of are left out. Intervals are percentiles over resamples of the networks (Efron's
    bootstrap). The bands are those of all networks.
    """
    known = np.isfinite(proxy.values) & np.isfinite(truth)
    values, truth, bands = proxy.values[known], truth[known], cost_bands(macs)[known]
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


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
