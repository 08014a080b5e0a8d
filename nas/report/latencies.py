"""The latencies of networks and of their parts on a runtime, measured and predicted."""

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
    """The kind of network; errors of predictions are averaged over networks of the same kind."""
    size: str
    measured_ms: float
    predicted_ms: float | None
    """The prediction without this network's measurement; None in a space without parts."""
    predictor: LineError | None
    """The errors of predictions over all measured networks of this kind."""
    parts: tuple[PartLatency, ...]

    @property
    def error(self) -> float | None:
        """The relative error of the prediction; positive if it is too high."""
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
    """Measure networks and their parts at the image sizes of `counts`; earlier measurements are read from the cache.

    Raises InputError for an invalid command or number of threads, and RunError for a failed measurement.
    """
    latency = meter(command, threads, results / "cache" / "latency")
    for done, entry in enumerate(counts, start=1):
        latency.measured(entry.named.architecture, entry.cost.hr_size)
        if progress:
            progress(done, len(counts))
    times = []
    for entry in counts:
        architecture, size = entry.named.architecture, entry.cost.hr_size
        times.append(
            Timed(
                label=entry.named.label,
                runtime=latency.runtime.name,
                setting=setting(architecture, size),
                size=entry.size,
                measured_ms=latency.measured(architecture, size),
                predicted_ms=latency.honest_ms(architecture, size),
                predictor=latency.error(architecture, size),
                parts=tuple(latency.parts(architecture, size) or ()),
            )
        )
    return times


def latency_tables(times: Sequence[Timed]) -> list[Table]:
    """Return a table of the networks, and a table of parts for each network that has parts."""
    if not times:
        return []
    networks = table("Latencies", "network", "for", "measured ms", "predicted ms", "error", numbers_from=2)
    for entry in times:
        predicted = (
            ("", "") if entry.predicted_ms is None else (milliseconds(entry.predicted_ms), f"{entry.error:+.0%}")
        )
        networks.add_row(entry.label, entry.size, milliseconds(entry.measured_ms), *predicted)
    return [networks, *(_parts_table(entry) for entry in times if entry.parts)]


def _parts_table(entry: Timed) -> Table:
    parts = table(f"Parts of {entry.label}", "part, its input", "times", "ms each", "ms")
    for part in entry.parts:
        parts.add_row(part.what, str(part.repeats), milliseconds(part.ms), milliseconds(part.repeats * part.ms))
    return parts


def runtime_notes(times: Sequence[Timed]) -> list[str]:
    """Return a line with the runtime, and a line with the errors of predictions for each kind of network.

    The prediction of a network does not use its own measurement.
    """
    errors = {entry.setting: entry.predictor for entry in times if entry.predictor}
    return [f"Measured on: {name}." for name in dict.fromkeys(entry.runtime for entry in times)] + [
        f"Predictions for {where} are off by {error.median:.0%} (median) and {error.largest:.0%} (largest) "
        f"over {error.networks} measured network{'s' * (error.networks > 1)}, each left out of its own prediction."
        for where, error in errors.items()
    ]


def milliseconds(ms: float) -> str:
    """Return a time with three significant digits, from 100 ms on without decimals."""
    return f"{ms:,.0f}" if ms >= 99.95 else f"{ms:.3g}"
