"""Commands of `nas` as processes: started as from a shell, signalled, listened to, and cleared away."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

STOPS = {signal.SIGINT: 130, signal.SIGTERM: 1, signal.SIGHUP: 1}
"""Signals that ask a command to stop, and the exit code that it then has."""

OWN_NAMESPACE = ("unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", '"$@"; exit $?', "sh")
"""What a command is run by to see process numbers of its own, as on another machine: numbers from 1."""


@dataclass
class Command:
    """One command line of `nas` that is given again and again, and the process that runs it now."""

    name: str
    arguments: Sequence[object]
    folder: Path
    environment: Mapping[str, str]
    apart: bool = False
    """Whether it sees only processes of its own."""
    process: subprocess.Popen[str] | None = None
    lines: list[str] = field(default_factory=list)
    """What the current process has printed."""
    sent: list[signal.Signals] = field(default_factory=list)
    """The signals that the current process was sent, before or after it was up."""
    sent_early: bool = False
    """Whether one of them came before it was up."""
    starts: int = 0
    began: float = 0.0
    sessions: list[int] = field(default_factory=list)

    def start(self) -> None:
        """Give the command, in a session of its own as a terminal would have it."""
        wrap = OWN_NAMESPACE if self.apart else ()
        self.process = subprocess.Popen(
            [*wrap, sys.executable, "-m", "nas", *map(str, self.arguments)],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self.lines, self.sent, self.sent_early, self.began = [], [], False, time.monotonic()
        self.starts += 1
        self.sessions.append(self.process.pid)
        self.note("$ nas " + " ".join(map(str, self.arguments)))
        threading.Thread(target=self._listen, args=(self.process, self.lines), daemon=True).start()

    def _listen(self, process: subprocess.Popen[str], lines: list[str]) -> None:
        assert process.stdout
        with contextlib.suppress(ValueError, OSError):
            for line in process.stdout:
                lines.append(line.rstrip())
                self.note(line.rstrip())

    def note(self, line: str) -> None:
        """Add a line to the transcript."""
        with self.log.open("a") as file:
            file.write(f"{time.strftime('%H:%M:%S')} {line}\n")

    @property
    def log(self) -> Path:
        """The transcript of all its processes."""
        return self.folder / f"{self.name}.log"

    @property
    def is_running(self) -> bool:
        """Whether its process has not ended."""
        return self.process is not None and self.process.poll() is None

    @property
    def is_up(self) -> bool:
        """Whether it has got beyond its start: it introduces itself, or says what it has trained."""
        return any(line.startswith(("Run '", "[")) for line in list(self.lines))

    @property
    def is_ending(self) -> bool:
        """Whether it has said why it ends."""
        return any(line.startswith(("Error", "The search ends", "This worker ends")) for line in list(self.lines))

    @property
    def code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        code = self.process.poll() if self.process else None
        return code if code is None or code <= 128 or code == 130 or not self.apart else 128 - code

    @property
    def main(self) -> int | None:
        """The process of `nas` itself."""
        found = [number for number, words in self.members() if words[1:3] == ["-m", "nas"]]
        return found[0] if found else None

    @property
    def workers(self) -> list[int]:
        """The worker processes that it has started."""
        return [number for number, words in self.members() if any("spawn_main" in word for word in words)]

    def members(self) -> list[tuple[int, list[str]]]:
        """The processes of the current session that live, with their command lines."""
        return members_of({self.sessions[-1]}) if self.sessions else []

    def signal_main(self, *numbers: signal.Signals) -> None:
        """Send signals to the process of `nas` itself; nothing where it has ended."""
        if (main := self.main) is not None:
            self._remember(numbers)
            for number in numbers:
                send(main, number)

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to all its processes, as a terminal does."""
        self._remember([number])
        for member, words in self.members():
            if not self.apart or words[1:3] == ["-m", "nas"]:
                send(member, number)

    def _remember(self, numbers: Sequence[signal.Signals]) -> None:
        told = [number for number in numbers if number in STOPS or number == signal.SIGKILL]
        self.sent += told
        self.sent_early |= bool(told) and not self.is_up

    def limit_files(self, size: int) -> None:
        """Let its processes write no file beyond `size` bytes; resource.RLIM_INFINITY ends that."""
        for member, _ in self.members():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                resource.prlimit(member, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def leftovers(self) -> list[int]:
        """The processes of all its sessions that live though their command has ended."""
        ended = set(self.sessions[:-1] if self.is_running else self.sessions)
        return [number for number, _ in members_of(ended)]

    def clear(self) -> None:
        """Kill every process that was ever started here."""
        for number, _ in members_of(set(self.sessions)):
            send(number, signal.SIGKILL)
        if self.process is not None:
            self.process.wait()


def send(process: int, number: signal.Signals) -> None:
    """Send a signal; nothing where the process is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


def members_of(sessions: set[int]) -> list[tuple[int, list[str]]]:
    """Return the living processes of some sessions, with their command lines."""
    return [(number, words) for number, _, session, words in living() if session in sessions]


def living() -> Iterator[tuple[int, int, int, list[str]]]:
    """Yield number, parent, session and command line of every process that lives, by number."""
    for folder in sorted(Path("/proc").glob("[0-9]*"), key=lambda folder: int(folder.name)):
        with contextlib.suppress(OSError):
            state, parent, _, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            if state not in "ZX":
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
                yield int(folder.name), int(parent), int(session), words
