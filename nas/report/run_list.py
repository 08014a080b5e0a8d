"""The list of runs as a table."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from rich.table import Table

from nas.jobs.run_list import RunSummary
from nas.report.tables import table


def run_table(runs: Sequence[RunSummary]) -> Table:
    """Return a row for each run, the one that changed last first."""
    columns = ("tried", "to end", "fully trained", "best dB", "changed")
    shown = table("Runs", "run", "space", "budget", *columns, numbers_from=3)
    for run in runs:
        space = "broken" if run.fault else f"{run.space} x{run.scale}"
        counts = ("", "", "") if run.fault else (str(run.tried), str(run.trained), str(run.fully_trained))
        psnr = "" if run.psnr is None else f"{run.psnr:.2f}"
        shown.add_row(run.name, space, ", ".join(run.budgets), *counts, psnr, f"{run.changed:%Y-%m-%d}")
    return shown


def fault_lines(runs: Sequence[RunSummary]) -> Iterator[str]:
    """Yield a line for each run that cannot be read."""
    for run in runs:
        if run.fault:
            yield f"Broken: {run.name}: {run.fault}"


def run_data(runs: Sequence[RunSummary]) -> list[dict[str, object]]:
    """Return the runs as plain data."""
    return [asdict(run) | {"changed": run.changed.isoformat(timespec="seconds")} for run in runs]
