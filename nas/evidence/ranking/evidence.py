"""How proxies rank the networks of a table: their values, and beside them the truth.

The truth is the PSNR of the trainings by the table's reference recipe where it has one, else of all its trainings.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nas.errors import InputError
from nas.evidence.benchmark.table import Row, Table
from nas.evidence.ranking.agreement import Agreement, Ranked, judge
from nas.evidence.statistics import Numbers

FEWEST = 4
"""Networks below which nothing can be said of an order."""


@dataclass(frozen=True)
class Evidence:
    """Networks with the truth of each and what each proxy said."""

    steps: int
    """After which the truth was measured."""
    truth: Numbers
    """[N], PSNR in dB; of several trainings of a network, the mean."""
    macs: Numbers
    """[N]"""
    proxies: tuple[Ranked, ...]
    left_out: int
    """Rows without a training of that length."""

    def agreements(self) -> list[Agreement]:
        """Return how well each proxy ranks, the best at equal cost first."""
        judged = [judge(proxy, self.truth, self.macs) for proxy in self.proxies]
        return sorted(judged, key=lambda agreement: -_or_least(agreement.tau_at_equal_cost.value))


def gather(table: Table, steps: int | None = None) -> Evidence:
    """Return what a table says, the PSNR after `steps` steps (by default the most that any has) being the truth.

    Beside the proxies' values, those of shorter training count as proxies: `400 steps` is the PSNR at that point of the
    training that is the truth, of its first seed. So do the MACs and parameters, where no proxy said them.
    Raises InputError where fewer than `FEWEST` networks were trained so long.
    """
    networks = [_network(row, table.header.reference is not None) for row in table.rows]
    lengths = {step for network in networks for curve in network.curves for step in curve}
    if not lengths:
        raise InputError("No network is trained yet, so there is nothing to rank against.")
    last = max(lengths) if steps is None else steps
    kept = [network for network in networks if any(last in curve for curve in network.curves)]
    if len(kept) < FEWEST:
        known = ", ".join(map(str, sorted(lengths)))
        raise InputError(
            f"Only {len(kept)} networks are trained for {last} steps, too few to rank (lengths there are: {known})."
        )
    truth = [np.mean([curve[last] for curve in network.curves if last in curve]) for network in kept]
    names = dict.fromkeys(name for network in kept for name in network.row.proxies)
    proxies = [
        _ranked(name, [network.row.proxies.get(name) for network in kept], _seconds(kept, name)) for name in names
    ]
    for name in ("macs", "params"):
        if name not in names:
            proxies.append(_ranked(name, [getattr(network.row, name) for network in kept], []))
    proxies += [_shorter(kept, step, last) for step in sorted(lengths) if step < last]
    return Evidence(
        last,
        np.array(truth, dtype=np.float64),
        np.array([network.row.macs for network in kept], dtype=np.float64),
        tuple(proxies),
        len(networks) - len(kept),
    )


@dataclass(frozen=True)
class _Network:
    """A row of a table, and the curves of those of its trainings that are the truth."""

    row: Row
    curves: tuple[Mapping[int, float], ...]
    """Steps → PSNR in dB."""
    seconds: float | None
    """Of the first of these trainings."""


def _network(row: Row, has_reference: bool) -> _Network:
    truth = [training for training in row.trained if training.is_reference == has_reference]
    seconds = truth[0].training_seconds + truth[0].validation_seconds if truth else 0.0
    return _Network(row, tuple(dict(training.curve) for training in truth), seconds or None)


def _shorter(networks: Sequence[_Network], step: int, last: int) -> Ranked:
    seconds = [network.seconds * step / last for network in networks if network.seconds is not None]
    return _ranked(f"{step} steps", [network.curves[0].get(step) for network in networks], seconds)


def _ranked(name: str, values: Sequence[float | None], seconds: Sequence[float]) -> Ranked:
    numbers = np.array([math.nan if value is None else value for value in values], dtype=np.float64)
    return Ranked(name, numbers, float(np.median(seconds)) if seconds else None)


def _seconds(networks: Sequence[_Network], name: str) -> list[float]:
    """Return the seconds that a proxy took, of those networks of which they are known."""
    return [network.row.proxy_seconds[name] for network in networks if name in network.row.proxy_seconds]


def _or_least(value: float) -> float:
    return value if math.isfinite(value) else -2.0
