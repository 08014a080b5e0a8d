"""The list of all runs of a folder, also of those that cannot be opened."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from nas.errors import InputError, RunError
from nas.model import ARCHITECTURE, RESULTS, TRAINED, WEIGHTS
from nas.search.names import is_taken
from nas.search.run import open_run
from nas.search.settings import SETTINGS, read_settings
from nas.search.snapshot import Snapshot
from nas.search.storage.patience import FAULTS
from nas.search.storage.urls import study_file_in
from search_spaces import Architecture, SpaceError, UnknownNameError


@dataclass(frozen=True)
class RunSummary:
    """A run in the list of runs. Of a run that cannot be read, only the name, the date and the reason are known.

    Example:
        >>> first = nas.runs()[0]
        >>> first.name, first.space, first.budgets, first.trained
        ('first', 'dots', ('300M-MACs',), 3)
    """

    name: str
    """The name of the run, that of its folder."""
    changed: datetime
    """When the last trial began or ended; before the first trial, when the run began."""
    space: str | None = None
    """The space that it searches."""
    scale: int | None = None
    """The scale of its networks."""
    budgets: tuple[str, ...] = ()
    """Its budgets: `10G-MACs`."""
    tried: int = 0
    """Candidates that were measured on at least one rung."""
    trained: int = 0
    """Candidates that were trained to the end of the brief recipe."""
    fully_trained: int = 0
    """Networks that `nas train` has trained."""
    psnr: float | None = None
    """The highest PSNR of a candidate that was trained to the end, in dB; None if there is no such candidate."""
    fault: str | None = None
    """Why the run cannot be read, in a sentence; None for a run without a fault."""


def list_runs(results: Path = RESULTS) -> list[RunSummary]:
    """Return all runs in `results`, the one that changed last first."""
    folders = sorted(results.iterdir()) if results.is_dir() else []
    runs = [_summary(folder, results) for folder in folders if _is_run(folder)]
    return sorted(runs, key=lambda run: run.changed, reverse=True)


def _is_run(folder: Path) -> bool:
    if not folder.is_dir() or is_taken(folder.name):
        return False
    return (folder / SETTINGS).is_file() or study_file_in(folder).is_file()


def _summary(folder: Path, results: Path) -> RunSummary:
    try:
        if not (folder / SETTINGS).is_file():
            raise InputError(f"{folder / SETTINGS} is missing; put a copy of it back.")
        read_settings(folder)  # `open_run` would write a damaged file again; a list writes nothing
        return _read(open_run(str(folder)).snapshot(), results)
    except (InputError, RunError, SpaceError, UnknownNameError, ValueError, KeyError) as error:
        return RunSummary(folder.name, _written(folder), fault=str(error))
    except FAULTS as error:
        return RunSummary(folder.name, _written(folder), fault=f"Its study can't be read ({error}).")


def _read(run: Snapshot, results: Path) -> RunSummary:
    settings = run.settings
    ends = [moment for trial in run.trials for moment in (trial.datetime_start, trial.datetime_complete) if moment]
    return RunSummary(
        name=settings.run,
        changed=max(ends, default=_written(run.folder)),
        space=settings.space,
        scale=settings.scale,
        budgets=tuple(map(str, settings.budgets)),
        tried=len(run.measured),
        trained=len(run.candidates),
        fully_trained=len(set(_fully_trained(run, results))),
        psnr=max((candidate.psnr for candidate in run.candidates), default=None),
    )


def _fully_trained(run: Snapshot, results: Path) -> Iterator[str]:
    """Yield the fingerprints of the networks of a run that are fully trained: `trained/trial-7` and `first-7`."""
    of_run = re.compile(rf"{re.escape(run.settings.run)}-\d+(-.*)?")
    named = (folder for folder in (results / TRAINED).glob("*") if of_run.fullmatch(folder.name))
    for folder in (*(run.folder / TRAINED).glob("*"), *named):
        if (folder / WEIGHTS).is_file() and (folder / ARCHITECTURE).is_file():
            yield Architecture.read(folder / ARCHITECTURE).fingerprint


def _written(folder: Path) -> datetime:
    """Return when the settings or the study of a run were last written."""
    files = [file for file in (folder / SETTINGS, study_file_in(folder)) if file.is_file()]
    return datetime.fromtimestamp(max(file.stat().st_mtime for file in files))
