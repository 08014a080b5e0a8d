"""Runs a command in a terminal of a given size and returns the screen."""

import contextlib
import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyte


class Terminal:
    """Runs `nas` in a pseudo-terminal, so that `nas` behaves as on a terminal."""

    def __init__(self, folder: Path, *words: object, columns: int = 80, rows: int = 24) -> None:
        self.screen = pyte.HistoryScreen(columns, rows, history=10_000, ratio=1.0)
        self._stream = pyte.ByteStream(self.screen)
        self._ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        unset = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")
        environment = {key: value for key, value in os.environ.items() if key not in unset}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "nas", *map(str, words)],
            cwd=folder,
            env=environment | {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            close_fds=True,
        )
        os.close(theirs)

    @property
    def lines(self) -> list[str]:
        """The lines on the screen now."""
        return [line.rstrip() for line in self.screen.display]

    @property
    def scrolled(self) -> list[str]:
        """The lines that have scrolled off the top of the screen."""
        width = self.screen.columns
        return ["".join(line[at].data for at in range(width)).rstrip() for line in self.screen.history.top]

    def until(self, is_shown: Callable[[list[str]], bool], seconds: float = 120) -> list[str]:
        """Return the screen as soon as it fulfils the condition; fail after `seconds` or if the command ends first."""
        deadline = time.monotonic() + seconds
        while not is_shown(self.lines):
            assert time.monotonic() < deadline and self._read(), "\n".join(self.lines)
        return self.lines

    def end(self, seconds: float = 120) -> int:
        """Wait until the command has ended and return its exit code."""
        deadline = time.monotonic() + seconds
        while self._read():
            assert time.monotonic() < deadline, "\n".join(self.lines)
        return self.process.wait(timeout=seconds)

    def _read(self) -> bool:
        """Feed new output of the command to the screen; return False at the end of the output."""
        ready, _, _ = select.select([self._ours], [], [], 0.2)
        if not ready:
            return True
        try:
            content = os.read(self._ours, 65536)
        except OSError:  # Linux raises this once no process has the other end open
            return False
        self._stream.feed(content)
        return bool(content)

    def close(self) -> None:
        """Stop the command and all processes that it has started."""
        try:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
                self.end()
        finally:
            self.process.kill()
            self.process.wait()
            os.close(self._ours)


@contextlib.contextmanager
def terminal(folder: Path, *words: object, columns: int = 80, rows: int = 24) -> Iterator[Terminal]:
    """Run a command in a terminal; the terminal is closed at the end."""
    shown = Terminal(folder, *words, columns=columns, rows=rows)
    try:
        yield shown
    finally:
        shown.close()
