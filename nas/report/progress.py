"""Progress: live on a terminal; in a log, a line for each result and a line each minute."""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import TYPE_CHECKING

from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from nas.report.console import LiteralConsole, readable
from nas.report.lines import Part, bar, cut, fit, span
from nas.report.whole import Tally, Whole

if TYPE_CHECKING:  # they load PyTorch
    from nas.training.report import Report, TrainingListener

NOTES = LiteralConsole(stderr=True)
"""Standard error for progress and notes, so that standard output holds only results."""

LINE_SECONDS = 60.0
"""Interval of lines on a training, and on the whole, in a log."""

READ_SECONDS, SOON_SECONDS = 5.0, 1.0
"""Interval at which a terminal refreshes the whole, and its delay after a printed line; longer if a reading is slow."""

_LABEL_WIDTH = 36

_LAST_READING_SECONDS = 2.0
"""Maximum wait at the end for a reading in progress, since the database may be away."""


def is_live() -> bool:
    """Return whether the terminal can refresh lines in place."""
    return NOTES.is_terminal and not NOTES.is_dumb_terminal


@dataclass
class _Running:
    """A training in progress."""

    label: str
    began: float = field(default_factory=lambda: time.monotonic())
    told: float = field(default_factory=lambda: time.monotonic())
    report: "Report | None" = None

    @property
    def share(self) -> float:
        """The progress of this process in 0..1, without the steps of earlier processes and skipped steps."""
        if self.report is None:
            return 0.0
        not_made = self.report.began + self.report.skipped
        if self.report.steps <= not_made:
            return 0.0
        return (self.report.step - not_made) / (self.report.steps - not_made)

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds to the last step, at the average speed so far; None before the first report."""
        return (time.monotonic() - self.began) * (1 - self.share) / self.share if self.share else None

    def line(self, width: int, label_width: int) -> str:
        """Return the progress as one line."""
        label = cut(self.label, label_width).ljust(label_width)
        if (report := self.report) is None:
            return fit([Part(label)], width)
        left = self.seconds_left
        return fit(
            [
                Part(label),
                Part(bar(report.step / report.steps, 12), 3),
                Part(f"{report.step}/{report.steps} steps"),
                Part("" if left is None else f"{span(left)} left", 1),
                Part("" if report.psnr is None else f"{report.psnr:.2f} dB", 2),
                Part(f"loss {report.loss:.4f}", 4),
                Part("" if report.patches_per_second is None else f"{report.patches_per_second:.0f} patches/s", 5),
            ],
            width,
        )


class TrainingDisplay:
    """Shows the progress of the `whole`, and below it a line for each training; a `nas.parallel.listener.Listener`."""

    def __init__(self, whole: Whole | None = None) -> None:
        self._whole = whole
        self._running: list[_Running] = []
        self._tally = Tally()
        self._has_news, self._ended = threading.Event(), threading.Event()
        self._follower = threading.Thread(target=self._follow, name="progress", daemon=True)
        self._live = Live(get_renderable=self._picture, console=NOTES, refresh_per_second=4, transient=True)

    def __enter__(self) -> "TrainingDisplay":
        if is_live():
            self._live.start()
        if self._whole:
            self._follower.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._has_news.set()
        self._live.stop()
        if self._follower.is_alive():
            self._follower.join(_LAST_READING_SECONDS)

    @contextlib.contextmanager
    def training(self, label: str) -> Iterator["TrainingListener"]:
        """Show a training while it goes on."""
        running = _Running(self._whole.short(label) if self._whole else label)
        self._running.append(running)

        def advance(report: "Report") -> None:
            running.report = report
            now = time.monotonic()
            if not is_live() and now - running.told > LINE_SECONDS:
                running.told = now
                left = "" if running.seconds_left is None else f", {span(running.seconds_left)} left"
                self.say(f"{label}: step {report.step} of {report.steps}, {describe(report)}{left}")

        try:
            yield advance
        finally:
            self._running.remove(running)
            self._tally.end(running.share)

    def say(self, line: str) -> None:
        """Print a line above the live display. It is wrapped on a terminal, and never in a log."""
        NOTES.print(line, markup=False, soft_wrap=not is_live())
        self._has_news.set()

    def lines(self, width: int, height: int) -> list[str]:
        """Return the lines for a terminal of this size: the whole, then as many trainings as fit."""
        running = list(self._running)
        label_width = min(_LABEL_WIDTH, width // 2, max((len(training.label) for training in running), default=0))
        whole = self._whole.lines(width, self._now()) if self._whole else []
        room = max(1, height - len(running))  # trainings have priority over the further lines of the whole
        shown = [
            *(cut(line, width) for line in whole[:room]),
            *(training.line(width, label_width) for training in running),
        ]
        return shown[:height]

    def _picture(self) -> Text:
        lines = self.lines(NOTES.width - 1, NOTES.height - 1)
        shown = Text(readable("\n".join(lines), NOTES.encoding), no_wrap=True, overflow="crop")
        if self._whole and lines:
            shown.stylize("bold", 0, len(lines[0]))
        return shown

    def _now(self) -> Tally:
        return replace(self._tally, running=sum(training.share for training in list(self._running)))

    def _follow(self) -> None:
        """Read the progress of the whole repeatedly. No error here may end the work that is shown."""
        assert self._whole
        pause = 0.0 if is_live() else LINE_SECONDS
        while not self._ended.wait(pause):
            self._has_news.clear()
            began = time.monotonic()
            with contextlib.suppress(Exception):  # the database may be away: the last reading stays, with its age
                self._whole.read()
            if is_live():
                pause = max(SOON_SECONDS, 50 * (time.monotonic() - began))
                self._has_news.wait(READ_SECONDS)
            elif line := self._whole.line(self._now()):
                self.say(line)


def describe(report: "Report") -> str:
    """Return loss, PSNR if measured, and speed, in a few words."""
    psnr = "" if report.psnr is None else f", {report.psnr:.2f} dB"
    speed = "" if report.patches_per_second is None else f", {report.patches_per_second:.0f} patches/s"
    return f"loss {report.loss:.4f}{psnr}{speed}"


class CountDisplay:
    """A bar for work that is counted: images read, images measured, tiles or frames upscaled. In a log, lines."""

    def __init__(self, description: str) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=NOTES,
            disable=not is_live(),
            transient=True,
        )
        self._task = self._progress.add_task(description, total=None)
        self._description, self._began = description, time.monotonic()
        self._told = self._began

    def __enter__(self) -> "CountDisplay":
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def __call__(self, done: int, total: int) -> None:
        """Show the number of finished items."""
        self._progress.update(self._task, completed=done, total=total)
        now = time.monotonic()
        if not is_live() and now - self._told >= LINE_SECONDS and done:
            self._told = now
            left = (now - self._began) * (total - done) / done
            NOTES.print(f"{self._description}: {done} of {total}, {span(left)} left")
