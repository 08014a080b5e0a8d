"""What is known of how proxies rank networks: rows of measured networks, as proxies' values and the truth beside them.

A row is plain data, as `nas proxies rank` keeps it and as `rows_of` makes it of a benchmark's table:

    {"architecture": {…}, "macs": 30e9, "params": 60e3, "curves": {"<seed>": [[step, psnr], …]},
     "proxies": {"synflow": 16.7, …}, "seconds": {"synflow": 0.04, "training": 61.0, …}}

`curves` are of the reference training, PSNR in dB; `proxies` what each proxy said. `seconds` may be a number alone:
that of the training.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nas.errors import InputError
from nas.evidence.benchmark.table import Table
from nas.evidence.ranking.agreement import Agreement, Numbers, Ranked, judge

Row = Mapping[str, Any]
TRAINING = "training"
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
        return sorted(judged, key=lambda one: -_or_least(one.tau_at_equal_cost.value))


def gather(rows: Sequence[Row], steps: int | None = None) -> Evidence:
    """Return what `rows` say, the PSNR after `steps` steps (by default the most that any has) being the truth.

    Beside the proxies' values, those of shorter training count as proxies: `400 steps` is the PSNR at that point of the
    reference training, of its first seed. So do the MACs and parameters, where no proxy said them.
    Raises InputError where fewer than `FEWEST` networks were trained so long.
    """
    lengths = {step for row in rows for curve in row["curves"].values() for step, _ in curve}
    if not lengths:
        raise InputError("No network is trained yet, so there is nothing to rank against.")
    last = max(lengths) if steps is None else steps
    kept = [row for row in rows if any(step == last for curve in row["curves"].values() for step, _ in curve)]
    if len(kept) < FEWEST:
        known = ", ".join(map(str, sorted(lengths)))
        raise InputError(
            f"Only {len(kept)} networks are trained for {last} steps, too few to rank (lengths there are: {known})."
        )
    truth = [np.mean([dict(curve)[last] for curve in row["curves"].values() if last in dict(curve)]) for row in kept]
    names = dict.fromkeys(name for row in kept for name in row["proxies"])
    counted = [name for name in ("macs", "params") if name not in names]
    proxies = [
        *(_ranked(name, [row["proxies"].get(name) for row in kept], _seconds(kept, name)) for name in names),
        *(_ranked(name, [row[name] for row in kept], []) for name in counted),
        *(_shorter(kept, step, last) for step in sorted(lengths) if step < last),
    ]
    return Evidence(
        last,
        np.array(truth, dtype=np.float64),
        np.array([row["macs"] for row in kept], dtype=np.float64),
        tuple(proxies),
        len(rows) - len(kept),
    )


def rows_of(table: Table) -> list[Row]:
    """Return the trained networks of a benchmark's table as rows."""
    return [
        {
            "architecture": row.architecture,
            "macs": row.macs,
            "params": row.params,
            "curves": {str(training.seed): training.curve for training in row.trained},
            "proxies": row.proxies,
            "seconds": row.trained[0].training_seconds + row.trained[0].validation_seconds,
        }
        for row in table.trained
    ]


def _shorter(rows: Sequence[Row], step: int, last: int) -> Ranked:
    curves = [dict(next(iter(row["curves"].values()))) for row in rows]
    seconds = [whole * step / last for whole in _seconds(rows, TRAINING)]
    return _ranked(f"{step} steps", [curve.get(step) for curve in curves], seconds)


def _ranked(name: str, values: Sequence[float | None], seconds: Sequence[float]) -> Ranked:
    numbers = np.array([math.nan if value is None else value for value in values], dtype=np.float64)
    return Ranked(name, numbers, float(np.median(seconds)) if seconds else None)


def _seconds(rows: Sequence[Row], name: str) -> list[float]:
    """Return the seconds of those rows that know them."""
    of_rows = [row.get("seconds") for row in rows]
    known = [one.get(name) if isinstance(one, Mapping) else one if name == TRAINING else None for one in of_rows]
    return [float(seconds) for seconds in known if seconds is not None]


def _or_least(value: float) -> float:
    return value if math.isfinite(value) else -2.0
