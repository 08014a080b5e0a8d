"""Ctrl-C and the signals that ask a process to end, as a flag that long work looks at between two steps.

So it can save what it has and say how to go on.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

from nas.errors import RunError, StoppedError

ASKING = (signal.SIGINT, signal.SIGTERM, *((signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()))
"""Ctrl-C; what schedulers send before they kill; what a terminal sends that is closed."""


class StopFlag:
    """A context manager; calling it tells whether a stop was asked for. A second Ctrl-C interrupts at once.

    A RunError that leaves it after a Ctrl-C becomes a StoppedError, which has an exit code of its own.
    `numbers` are the signals that ask for one. One that is ignored, as SIGHUP is under nohup, stays so. Python lets
    the main thread alone handle signals: in another thread the flag stays down.
    """

    def __init__(self, *numbers: signal.Signals) -> None:
        self._numbers = numbers or ASKING
        self._asked = 0
        self.by_ctrl_c = False
        """Whether Ctrl-C asked for it."""
        self._previous: dict[int, Any] = {}

    def __call__(self) -> bool:
        """Tell whether a stop was asked for."""
        return self._asked > 0

    def __enter__(self) -> "StopFlag":
        for number in self._numbers if _is_main_thread() else ():
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._previous[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        if isinstance(error, RunError) and self.by_ctrl_c:
            raise StoppedError(str(error)) from None

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        # SIGTERM may come from a parent after the terminal's SIGINT, which is no second wish of the user.
        if number == signal.SIGINT and self._asked:
            raise KeyboardInterrupt
        self._asked += 1
        self.by_ctrl_c |= number == signal.SIGINT


@contextmanager
def hidden_from_ctrl_c() -> Iterator[None]:
    """Processes started inside ignore Ctrl-C, which a terminal sends to all: who started them tells them to stop.

    Outside of the main thread nothing can be hidden, and nothing is.
    """
    if not _is_main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
