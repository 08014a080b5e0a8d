"""What a long call tells while it works, who is told, and how it is asked to stop."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

from nas.errors import RunError, StoppedError
from nas.interrupt import StopFlag
from nas.progress import Progress
from nas.training.report import Report, TrainingListener


class Answer(Enum):
    """What a callback may answer."""

    STOP = "stop"


STOP: Final = Answer.STOP
"""A callback that returns it ends the call: what is in training is saved, and the same call continues."""


@dataclass(frozen=True)
class Event:
    """One thing that a long call tells its callback.

    Example:
        >>> str(nas.Event("training", "[3] first:3", done=40, total=900, loss=0.02, psnr=34.5))
        '[3] first:3: step 40 of 900, loss 0.0200, 34.50 dB'
        >>> nas.Event("counting", "reading images", done=2, total=6).label
        'reading images'
    """

    kind: Literal["counting", "training", "note"]
    """`counting`: images, tiles or networks are counted. `training`: a network was trained some steps further. `note`:
    a sentence."""
    label: str
    """What is counted, which network is trained, or the sentence."""
    done: int = 0
    """Images, tiles, networks or steps."""
    total: int = 0
    loss: float | None = None
    """Of a training: what is minimised, the mean of the last steps."""
    psnr: float | None = None
    """Of a training: dB, as measured last; None before it was measured."""

    def __str__(self) -> str:
        if self.kind == "note":
            return self.label
        if self.kind == "counting":
            return f"{self.label}: {self.done} of {self.total}"
        figures = "" if self.loss is None else f", loss {self.loss:.4f}"
        figures += "" if self.psnr is None else f", {self.psnr:.2f} dB"
        return f"{self.label}: step {self.done} of {self.total}{figures}"


Callback = Callable[[Event], object]
"""Called with each event. What it returns is ignored, unless it is `STOP`."""


def print_events(event: Event) -> None:
    """Print a line for each note and for each network that is trained to its last step: a callback to begin with.

    Args:
        event: What happened.

    Example:
        >>> nas.print_events(nas.Event("note", "falsr-FALSR-B: 35.20 dB (+0.66 over bicubic)"))
        falsr-FALSR-B: 35.20 dB (+0.66 over bicubic)
        >>> nas.print_events(nas.Event("training", "[3] first:3", done=40, total=900))
    """
    if event.kind == "note" or (event.kind == "training" and event.done == event.total):
        print(event, flush=True)


def counted(callback: Callback | None, label: str) -> Progress | None:
    """Return what tells a callback how far a count is. Nothing needs to be saved there, so a stop ends it at once.

    Raises StoppedError when the callback answers `STOP`.
    """
    if callback is None:
        return None

    def count(done: int, total: int) -> None:
        if callback(Event("counting", label, done, total)) is STOP:
            raise StoppedError(f"Stopped while {label}.")

    return count


class Follower:
    """Tells a callback; satisfies `nas.parallel.listener.Audience`. Calling it tells whether to stop.

    What the callback raises during a training must not be taken for a fault of the network that is trained: it is kept,
    the work is asked to stop, and `followed` raises it in the end.
    """

    def __init__(self, callback: Callback | None, flag: StopFlag) -> None:
        self._callback, self._flag = callback, flag
        self.error: BaseException | None = None
        """What the callback raised."""
        self.is_stopped = False
        """Whether the callback has answered `STOP`."""

    def __call__(self) -> bool:
        """Tell whether the callback, Ctrl-C or a signal has asked for a stop."""
        return self.is_stopped or self.error is not None or self._flag()

    def say(self, line: str) -> None:
        """Tell a note."""
        self._tell(Event("note", line))

    @contextmanager
    def training(self, label: str) -> Iterator[TrainingListener]:
        """Tell of a training while it goes on."""

        def advance(report: Report) -> None:
            self._tell(Event("training", label, report.step, report.steps, report.loss, report.psnr))

        yield advance

    def _tell(self, event: Event) -> None:
        if self._callback is None or self.error is not None:
            return
        try:
            answer = self._callback(event)
        except BaseException as error:
            self.error = error
        else:
            self.is_stopped |= answer is STOP


@contextmanager
def followed(callback: Callback | None) -> Iterator[Follower]:
    """Work inside tells `callback`, and is asked to stop by its answers, by Ctrl-C and by SIGTERM.

    What the work has saved is saved when this raises what the callback has raised; KeyboardInterrupt after Ctrl-C; and
    StoppedError where the callback answered `STOP` and the work can't be returned as it is.
    """
    flag = StopFlag()
    follower = Follower(callback, flag)
    try:
        with flag:
            yield follower
    except RunError as error:
        if follower.error is not None:
            raise follower.error from None
        if flag.by_ctrl_c:
            raise KeyboardInterrupt(str(error)) from None
        if follower.is_stopped:
            raise StoppedError(str(error)) from None
        raise
    if follower.error is not None:
        raise follower.error
    if flag.by_ctrl_c:
        raise KeyboardInterrupt("Stopped by Ctrl-C; what was in training is saved.")
