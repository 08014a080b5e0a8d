"""How long networks take on a runtime, as measured and as predicted, and what their parts take."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from nas.deploy.latency import PartLatency, meter, setting
from nas.deploy.latency_line import LineError
from nas.report.costs import Count
from nas.report.tables import table
from nas.search.run import RESULTS


@dataclass(frozen=True)
class Timed:
    """The latency of one network."""

    label: str
    runtime: str
    setting: str
    """What networks must have in common with it for their errors to count together."""
    size: str
    measured_ms: float
    predicted_ms: float | None
    """As if this network had not been measured; None in a space without parts, where nothing is predicted."""
    predictor: LineError | None
    """How far off predictions are for all networks of this kind that were measured so far."""
    parts: tuple[PartLatency, ...]

    @property
    def error(self) -> float | None:
        """How far the prediction is over the measured time, as a share of it."""
        return None if self.predicted_ms is None else self.predicted_ms / self.measured_ms - 1

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {name: value for name, value in asdict(self).items() if name != "label"} | {"error": self.error}


def timed(
    counts: Sequence[Count],
    command: str | None,
    threads: int,
    results: Path = RESULTS,
    progress: Callable[[int, int], None] | None = None,
) -> list[Timed]:
    """Measure networks and their parts, as far as that wasn't done before, at the sizes they are counted for.

    Raises InputError for a command or a number of threads that can't be, RunError for a measurement that fails.
    """
    latency = meter(command, threads, results / "cache" / "latency")
    for done, one in enumerate(counts, start=1):
        latency.measured(one.reference.architecture, one.cost.hr_size)
        if progress:
            progress(done, len(counts))
    times = []
    for one in counts:
        architecture, size = one.reference.architecture, one.cost.hr_size
        times.append(
            Timed(
                label=one.reference.label,
                runtime=latency.runtime.name,
                setting=setting(architecture, size),
                size=one.size,
                measured_ms=latency.measured(architecture, size),
                predicted_ms=latency.honest_ms(architecture, size),
                predictor=latency.error(architecture, size),
                parts=tuple(latency.parts(architecture, size) or ()),
            )
        )
    return times


def latency_tables(times: Sequence[Timed]) -> list[Table]:
    """Return a table of the networks, and one of the parts of each that has some."""
    if not times:
        return []
    networks = table("Latencies", "network", "for", "measured ms", "predicted ms", "error", numbers_from=2)
    for one in times:
        predicted = ("", "") if one.predicted_ms is None else (milliseconds(one.predicted_ms), f"{one.error:+.0%}")
        networks.add_row(one.label, one.size, milliseconds(one.measured_ms), *predicted)
    return [networks, *(_parts_table(one) for one in times if one.parts)]


def _parts_table(one: Timed) -> Table:
    parts = table(f"Parts of {one.label}", "part, its input", "times", "ms each", "ms")
    for part in one.parts:
        parts.add_row(part.what, str(part.repeats), milliseconds(part.ms), milliseconds(part.repeats * part.ms))
    return parts


def runtime_notes(times: Sequence[Timed]) -> list[str]:
    """Return a line that says what was measured on, and one for each kind of networks: how good predictions are.

    Each network's error is that of a prediction in which it had no part.
    """
    errors = {one.setting: one.predictor for one in times if one.predictor}
    return [f"Measured on: {name}." for name in dict.fromkeys(one.runtime for one in times)] + [
        f"Predictions for {where} are off by {error.median:.0%} (median) and {error.largest:.0%} (largest) "
        f"over {error.networks} measured network{'s' * (error.networks > 1)}, each left out of its own prediction."
        for where, error in errors.items()
    ]


def milliseconds(ms: float) -> str:
    """Print a time with three significant digits, from 100 ms on without decimals."""
    return f"{ms:,.0f}" if ms >= 99.95 else f"{ms:.3g}"
