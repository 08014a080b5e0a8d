"""Live progress on a terminal; elsewhere a line for each thing that is done, and one a minute."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from nas.report.console import PlainConsole, readable

if TYPE_CHECKING:  # they load PyTorch
    from nas.training.trainer import Listener, Report

NOTES = PlainConsole(stderr=True)
"""Progress and notes go to standard error, so that standard output holds results alone."""

LINE_SECONDS = 60.0
"""How often a training is told of where there is no terminal."""


class TrainingDisplay:
    """Shows each training on a line of its own; satisfies `nas.parallel.listener.Audience`."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("steps,"),
            TimeRemainingColumn(),
            TextColumn("left{task.fields[figures]}", markup=False),
            console=NOTES,
            disable=not NOTES.is_terminal,
            transient=True,
        )

    def __enter__(self) -> "TrainingDisplay":
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    @contextmanager
    def training(self, label: str) -> Iterator["Listener"]:
        """Show a training while it goes on."""
        task = self._progress.add_task(readable(label, NOTES.encoding), total=None, figures="")
        began = told = time.monotonic()
        first = True

        def advance(report: "Report") -> None:
            nonlocal first, told
            if first:
                # What an earlier process did must not count for the speed, and so for the time that remains.
                self._progress.reset(task, total=report.steps, completed=report.began, figures="")
                first = False
            figures = describe(report)
            self._progress.update(task, completed=report.step, figures=f", {figures}")
            now = time.monotonic()
            if not NOTES.is_terminal and now - told > LINE_SECONDS:
                told = now
                minutes = (now - began) / 60 * (report.steps - report.step) / max(1, report.step - report.began)
                self.say(f"{label}: step {report.step} of {report.steps}, {figures}, {minutes:.0f} minutes left")

        try:
            yield advance
        finally:
            self._progress.remove_task(task)

    def say(self, line: str) -> None:
        """Print a line above what goes on."""
        NOTES.print(line, markup=False)


def describe(report: "Report") -> str:
    """Return loss, PSNR where it was measured, and speed, in few words."""
    psnr = "" if report.psnr is None else f", {report.psnr:.2f} dB"
    speed = "" if report.patches_per_second is None else f", {report.patches_per_second:.0f} patches/s"
    return f"loss {report.loss:.4f}{psnr}{speed}"


class CountDisplay:
    """A bar for work that is counted: images read, images measured, tiles upscaled.."""

    def __init__(self, description: str) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
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
