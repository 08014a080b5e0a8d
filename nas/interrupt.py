"""Ctrl-C and the signals that ask a process to end, as a flag that long work checks between two steps.

So the work can save its state and say how to continue.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

from nas.errors import RunError, StoppedError

ASKING = (signal.SIGINT, signal.SIGTERM, *((signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()))
"""The signals of Ctrl-C, of schedulers before a kill, and of a terminal that is closed."""


class StopFlag:
    """A context manager that catches signals. Call it to know whether a stop was asked for.

    A second Ctrl-C interrupts at once. A RunError that leaves the context after a Ctrl-C becomes a StoppedError, which
    has its own exit code. `numbers` are the signals that ask for a stop. An ignored signal, such as SIGHUP under nohup,
    stays ignored. Only the main thread can handle signals: in another thread no stop is noticed.
    """

    def __init__(self, *numbers: signal.Signals) -> None:
        self._numbers = numbers or ASKING
        self._asked = 0
        self.by_ctrl_c = False
        """Whether Ctrl-C asked for the stop."""
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
        # A parent may send SIGTERM after the terminal's SIGINT. This is not a second request of the user.
        if number == signal.SIGINT and self._asked:
            raise KeyboardInterrupt
        self._asked += 1
        self.by_ctrl_c |= number == signal.SIGINT


@contextmanager
def hidden_from_ctrl_c() -> Iterator[None]:
    """Let processes that are started inside ignore Ctrl-C, which a terminal sends to all processes.

    The parent asks them to stop instead. Outside the main thread this context does nothing.
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
