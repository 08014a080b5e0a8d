"""Live progress on a terminal; elsewhere only a line for each thing that is done."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from nas.budget import short
from nas.cost import Cost
from nas.training.trainer import Report

NOTES = Console(stderr=True, highlight=False, soft_wrap=True)
"""Progress and notes go to standard error, so that standard output holds results alone."""


class TrainingDisplay:
    """Shows one training at a time; satisfies `nas.search.worker.Audience`."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
            console=NOTES,
            disable=not NOTES.is_terminal,
            transient=True,
        )
        self._task = self._progress.add_task("", total=1, visible=False, figures="")

    def __enter__(self) -> "TrainingDisplay":
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def begin(self, trial: int, label: str, cost: Cost) -> None:
        """Show that a training begins."""
        self._show(f"{label} ({short(cost.macs)} MACs)")

    def start(self, label: str) -> None:
        """Show that a training outside a search begins."""
        self._show(label)

    def _show(self, description: str) -> None:
        self._progress.reset(self._task, description=description, completed=0, visible=True, figures="")

    def advance(self, report: Report) -> None:
        """Show how far the training is."""
        psnr = "" if report.psnr is None else f", {report.psnr:.2f} dB"
        self._progress.update(
            self._task, total=report.steps, completed=report.step, figures=f"loss {report.loss:.4f}{psnr}"
        )

    def finish(self, trial: int, line: str) -> None:
        """Print the outcome of a candidate."""
        self._progress.update(self._task, visible=False)
        NOTES.print(f"[{trial}] {line}" if trial >= 0 else line, markup=False)


class CountDisplay:
    """A bar for work that is counted: images read, images measured, tiles upscaled.."""

    def __init__(self, description: str) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=NOTES,
            disable=not NOTES.is_terminal,
            transient=True,
        )
        self._task = self._progress.add_task(description, total=None)

    def __enter__(self) -> "CountDisplay":
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def __call__(self, done: int, total: int) -> None:
        """Show how many are done."""
        self._progress.update(self._task, completed=done, total=total)
