"""Events of a long call, the callback that receives them, and how the callback stops the call."""

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
    """The answer of a callback."""

    STOP = "stop"


STOP: Final = Answer.STOP
"""Return this value from a callback to stop the call: networks in training are saved, and the same call continues."""


@dataclass(frozen=True)
class Event:
    """An event of a long call, which its callback receives.

    Example:
        >>> str(nas.Event("training", "[3] first:3", done=40, total=900, loss=0.02, psnr=34.5))
        '[3] first:3: step 40 of 900, loss 0.0200, 34.50 dB'
        >>> nas.Event("counting", "reading images", done=2, total=6).label
        'reading images'
    """

    kind: Literal["counting", "training", "note"]
    """`counting`: progress in images, tiles or networks. `training`: progress of a training. `note`: a sentence."""
    label: str
    """The activity, the name of the network in training, or the sentence."""
    done: int = 0
    """Number of finished images, tiles, networks or steps."""
    total: int = 0
    """The total of this number."""
    loss: float | None = None
    """The loss of a training, the mean of the last steps."""
    psnr: float | None = None
    """The last measured PSNR of a training in dB; None before the first measurement."""

    def __str__(self) -> str:
        if self.kind == "note":
            return self.label
        if self.kind == "counting":
            return f"{self.label}: {self.done} of {self.total}"
        figures = "" if self.loss is None else f", loss {self.loss:.4f}"
        figures += "" if self.psnr is None else f", {self.psnr:.2f} dB"
        return f"{self.label}: step {self.done} of {self.total}{figures}"


Callback = Callable[[Event], object]
"""A function that is called with each event. Only the return value `STOP` has an effect."""


def print_events(event: Event) -> None:
    """Print a line for each note and for each network that reaches its last step: a simple callback.

    Args:
        event: The event.

    Example:
        >>> nas.print_events(nas.Event("note", "falsr-FALSR-B: 35.20 dB (+0.66 over bicubic)"))
        falsr-FALSR-B: 35.20 dB (+0.66 over bicubic)
        >>> nas.print_events(nas.Event("training", "[3] first:3", done=40, total=900))
    """
    if event.kind == "note" or (event.kind == "training" and event.done == event.total):
        print(event, flush=True)


def counted(callback: Callback | None, label: str) -> Progress | None:
    """Return a function of (done, total) that passes progress on to a callback; None without a callback.

    It raises StoppedError when the callback answers `STOP`: counts have nothing to save.
    """
    if callback is None:
        return None

    def count(done: int, total: int) -> None:
        if callback(Event("counting", label, done, total)) is STOP:
            raise StoppedError(f"Stopped while {label}.")

    return count


class Follower:
    """Passes events on to a callback; a `nas.parallel.listener.Listener`. Calling it returns whether to stop.

    An exception of the callback must not count as a fault of the network in training. It is kept, the work is asked to
    stop, and `followed` raises the exception in the end.
    """

    def __init__(self, callback: Callback | None, flag: StopFlag) -> None:
        self._callback, self._flag = callback, flag
        self.error: BaseException | None = None
        """The exception of the callback."""
        self.is_stopped = False
        """Whether the callback has answered `STOP`."""

    def __call__(self) -> bool:
        """Return whether the callback, Ctrl-C or a signal has asked for a stop."""
        return self.is_stopped or self.error is not None or self._flag()

    def say(self, line: str) -> None:
        """Pass on a note."""
        self._tell(Event("note", line))

    @contextmanager
    def training(self, label: str) -> Iterator[TrainingListener]:
        """Pass on the reports of a training."""

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
    """Yield a follower for the work inside, which the callback, Ctrl-C and SIGTERM can stop.

    Raises, after the work has saved its state:
        KeyboardInterrupt: After Ctrl-C.
        StoppedError: The callback answered `STOP`, and the work has no result.
        BaseException: The exception of the callback.
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
        raise KeyboardInterrupt("Stopped by Ctrl-C; networks in training are saved.")
