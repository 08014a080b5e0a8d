"""The list of runs."""

from pathlib import Path

from nas.api.calls import public_call
from nas.jobs.run_list import RunSummary as RunSummary
from nas.jobs.run_list import list_runs
from nas.model import RESULTS


@public_call()
def runs(*, results: str | Path = RESULTS) -> list[RunSummary]:
    """Return the runs of a folder, the one that changed last first; `nas.open` opens one by its name.

    A run that cannot be read is listed, too, with the reason as its `fault`.

    Args:
        results: The folder with the runs.

    Returns:
        A `RunSummary` for each run; an empty list if there is none.

    Example:
        >>> [run.name for run in nas.runs()]
        ['first']
    """
    return list_runs(Path(results))
