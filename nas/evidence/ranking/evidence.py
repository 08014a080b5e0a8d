"""The scores of proxies for the networks of a table, beside the figures of the reference training.

The reference figure (`truth`) is the PSNR of trainings by the reference recipe of the table, if it has one, else of all
its trainings.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nas.errors import InputError
from nas.evidence.ranking.agreement import Agreement, Ranked, judge
from nas.evidence.statistics import Numbers
from nas.table import Row, Table

FEWEST = 4
"""Minimum number of networks for a ranking."""


@dataclass(frozen=True)
class Evidence:
    """Networks with their reference figures and the scores of the proxies."""

    steps: int
    """Number of steps after which the reference figure was measured."""
    truth: Numbers
    """PSNR in dB, the mean over the trainings of a network, [N]."""
    macs: Numbers
    """Multiply-adds, [N]."""
    proxies: tuple[Ranked, ...]
    left_out: int
    """Number of rows without a training of that length."""

    def agreements(self) -> list[Agreement]:
        """Return the agreement of each proxy, the best at equal cost first."""
        judged = [judge(proxy, self.truth, self.macs) for proxy in self.proxies]
        return sorted(judged, key=lambda agreement: -_or_least(agreement.tau_at_equal_cost.value))


def gather(table: Table, steps: int | None = None) -> Evidence:
    """Return the evidence of a table. The reference figure is the PSNR after `steps` steps (default: the most steps).

    Shorter training counts as a proxy, too: `400 steps` is the PSNR at step 400 of the reference training of the first
    seed. So do MACs and parameters. Raises InputError if fewer than `FEWEST` networks were trained for `steps`.
    """
    networks = [_network(row, table.header.reference is not None) for row in table.rows]
    lengths = {step for network in networks for curve in network.curves for step in curve}
    if not lengths:
        raise InputError("No network is trained yet, so there is nothing to rank against.")
    last = max(lengths) if steps is None else steps
    kept = [network for network in networks if any(last in curve for curve in network.curves)]
    if len(kept) < FEWEST:
        existing = ", ".join(map(str, sorted(lengths)))
        raise InputError(
            f"Only {len(kept)} networks are trained for {last} steps, too few to rank (existing lengths: {existing})."
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
    """A row of a table with the curves of its reference trainings."""

    row: Row
    curves: tuple[Mapping[int, float], ...]
    """Steps → PSNR in dB."""
    seconds: float | None
    """Seconds of the first reference training."""


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
    """Return the seconds of a proxy's scores, of the networks where they were measured."""
    return [network.row.proxy_seconds[name] for network in networks if name in network.row.proxy_seconds]


def _or_least(value: float) -> float:
    return value if math.isfinite(value) else -2.0
