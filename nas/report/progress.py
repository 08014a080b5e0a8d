"""Live progress on a terminal; elsewhere a line for each thing that is done, and one a minute."""

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

from nas.report.console import PlainConsole, readable
from nas.report.lines import Part, bar, cut, fit, span
from nas.report.whole import Tally, Whole

if TYPE_CHECKING:  # they load PyTorch
    from nas.training.report import Report, TrainingListener

NOTES = PlainConsole(stderr=True)
"""Progress and notes go to standard error, so that standard output holds results alone."""

LINE_SECONDS = 60.0
"""How often a training, and the whole, is told of where there is no terminal."""

READ_SECONDS, SOON_SECONDS = 5.0, 1.0
"""How often a terminal shows news of the whole, and how soon after a line was printed; less often where reading them
takes long."""

_LABEL_WIDTH = 36

_LAST_READING_SECONDS = 2.0
"""How long the end waits for a reading that goes on; one whose database is away is left alone."""


def is_live() -> bool:
    """Tell whether what is shown can be shown anew in its place."""
    return NOTES.is_terminal and not NOTES.is_dumb_terminal


@dataclass
class _Running:
    """A training that goes on."""

    label: str
    began: float = field(default_factory=lambda: time.monotonic())
    told: float = field(default_factory=lambda: time.monotonic())
    report: "Report | None" = None

    @property
    def share(self) -> float:
        """How much is done, in 0..1, of what earlier processes had left to do."""
        if self.report is None or self.report.steps <= self.report.began:
            return 0.0
        return (self.report.step - self.report.began) / (self.report.steps - self.report.began)

    @property
    def seconds_left(self) -> float | None:
        """How long it takes to its last step, as fast as it was so far."""
        return (time.monotonic() - self.began) * (1 - self.share) / self.share if self.share else None

    def line(self, width: int, label_width: int) -> str:
        """Return how it goes, in one line."""
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
    """Shows each training on a line of its own, below how far the `whole` is; a `nas.parallel.listener.Audience`."""

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
        """Print a line above what goes on; a terminal breaks it between words, a log never."""
        NOTES.print(line, markup=False, soft_wrap=not is_live())
        self._has_news.set()

    def lines(self, width: int, height: int) -> list[str]:
        """Return what a terminal of this size shows: the whole, then the trainings, as far as there is room."""
        running = list(self._running)
        label_width = min(_LABEL_WIDTH, width // 2, max((len(one.label) for one in running), default=0))
        whole = self._whole.lines(width, self._now()) if self._whole else []
        room = max(1, height - len(running))  # trainings go before what is below the first line of the whole
        shown = [*(cut(line, width) for line in whole[:room]), *(one.line(width, label_width) for one in running)]
        return shown[:height]

    def _picture(self) -> Text:
        lines = self.lines(NOTES.width - 1, NOTES.height - 1)
        shown = Text(readable("\n".join(lines), NOTES.encoding), no_wrap=True, overflow="crop")
        if self._whole and lines:
            shown.stylize("bold", 0, len(lines[0]))
        return shown

    def _now(self) -> Tally:
        return replace(self._tally, running=sum(one.share for one in list(self._running)))

    def _follow(self) -> None:
        """Learn now and then how far the whole is. Nothing that goes wrong here may end the work that is shown."""
        assert self._whole
        pause = 0.0 if is_live() else LINE_SECONDS
        while not self._ended.wait(pause):
            self._has_news.clear()
            began = time.monotonic()
            with contextlib.suppress(Exception):  # a database may be away: what was read last stays, with its age
                self._whole.read()
            if is_live():
                pause = max(SOON_SECONDS, 50 * (time.monotonic() - began))
                self._has_news.wait(READ_SECONDS)
            elif line := self._whole.line(self._now()):
                self.say(line)


def describe(report: "Report") -> str:
    """Return loss, PSNR where it was measured, and speed, in few words."""
    psnr = "" if report.psnr is None else f", {report.psnr:.2f} dB"
    speed = "" if report.patches_per_second is None else f", {report.patches_per_second:.0f} patches/s"
    return f"loss {report.loss:.4f}{psnr}{speed}"


class CountDisplay:
    """A bar for work that is counted: images read, images measured, tiles upscaled."""

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

    def __enter__(self) -> "CountDisplay":
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def __call__(self, done: int, total: int) -> None:
        """Show how many are done."""
        self._progress.update(self._task, completed=done, total=total)
