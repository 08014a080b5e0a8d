"""Several trainings at the same time on this machine: one process each, so that a crash ends only one training."""

import multiprocessing
import os
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import Any

import torch

from nas.errors import InputError, RunError
from nas.interrupt import StopFlag, hidden_from_ctrl_c
from nas.parallel.listener import Listener
from nas.plugins.given import Granted, granted, inherit
from nas.training.report import Report, TrainingListener
from search_spaces import SpaceError, UnknownNameError
from search_spaces.registry import BROKEN_ENTRY_POINT

Stop = Callable[[], bool]
Work = Callable[[torch.device, Listener, Stop], Any]
"""The work of a process on its device. It must be picklable, and ends early and cleanly when the stop turns true."""

FAULTS = (InputError, RunError, SpaceError, UnknownNameError)
"""Errors that end a piece of work with one sentence."""

_NOT_BEGUN = "not started"
_POLL_SECONDS = 0.2

_SOON, _MOST_REPLACED = 60.0, 3
"""A process that was killed within `_SOON` seconds of its start is replaced at most `_MOST_REPLACED` times in a row."""


def run_processes(
    works: Mapping[str, Work],
    devices: Sequence[torch.device],
    listener: Listener,
    should_stop: Stop,
    *,
    replaces_killed: bool = False,
    on_result: Callable[[str, Any], None] = lambda name, result: None,
) -> dict[str, str]:
    """Run each of `works` in its own process, one process at a time on each of `devices`.

    A stop is passed on to the running processes, and no other process is started.

    Args:
        works: The works by name.
        devices: The devices; a device may be named several times.
        listener: Receives the messages and reports of all processes.
        replaces_killed: Whether a killed process is replaced, unless it is killed several times soon after its start.
        on_result: Called with the name and the return value of each work.

    Returns:
        The reasons of failures, by name. A work that was not done counts as failed.
    """
    waiting, free = dict(works), list(devices)
    deaths: Counter[str] = Counter()
    children: list[_Child] = []
    failures: dict[str, str] = {}
    told = False
    try:
        while children or (waiting and not told):
            while waiting and free and not should_stop():
                name = next(iter(waiting))
                children.append(_Child.start(name, waiting.pop(name), free.pop(0)))
            if should_stop() and not told:
                told = True
                for child in children:
                    child.process.terminate()
            wait([child.connection for child in children], timeout=_POLL_SECONDS)
            for child in list(children):
                if child.follow(listener):
                    continue
                children.remove(child)
                free.append(child.device)
                failure = child.end()
                if failure is None:
                    on_result(child.name, child.result)
                    continue
                deaths[child.name] = deaths[child.name] + 1 if child.seconds < _SOON else 1
                if replaces_killed and child.was_killed and not told and deaths[child.name] <= _MOST_REPLACED:
                    listener.say(f"{child.name}: {failure} Another takes its place.")
                    waiting[child.name] = works[child.name]
                    continue
                failures[child.name] = failure
                listener.say(f"{child.name}: {failure}")
    finally:
        for child in children:  # only after a second Ctrl-C, or a fault of ours
            child.process.kill()
            child.end()
    return failures | dict.fromkeys(waiting, _NOT_BEGUN)


def run_in_turn(
    works: Mapping[str, Work], device: torch.device, listener: Listener, should_stop: Stop
) -> dict[str, str]:
    """Run `works` one after the other in this process, and return the reasons of failures as `run_processes` does."""
    failures: dict[str, str] = {}
    for name, work in works.items():
        if should_stop():
            failures[name] = _NOT_BEGUN
            continue
        try:
            work(device, listener, should_stop)
        except FAULTS as error:
            failures[name] = str(error)
            listener.say(f"{name}: {error}")
    return failures


@dataclass
class _Child:
    """A running process, as its parent sees it."""

    name: str
    device: torch.device
    process: BaseProcess
    connection: Connection
    training: ExitStack = field(default_factory=ExitStack)
    training_listener: TrainingListener | None = None
    failure: str | None = None
    result: Any = None
    """The return value of its work."""
    began: float = field(default_factory=time.monotonic)

    @classmethod
    def start(cls, name: str, work: Work, device: torch.device) -> "_Child":
        context = multiprocessing.get_context("spawn")  # CUDA and threads don't survive a fork
        here, there = context.Pipe()
        arguments = (there, work, device, granted(), os.getpid())
        process = context.Process(target=_run, args=arguments, name=name, daemon=True)
        with hidden_from_ctrl_c(), _without_main():
            process.start()
        there.close()
        return cls(name, device, process, here)

    def follow(self, listener: Listener) -> bool:
        """Pass on the messages of the process. Return whether more may follow."""
        try:
            while self.connection.poll():
                kind, content = self.connection.recv()
                self._hear(kind, content, listener)
        except (EOFError, OSError):
            return False
        return True

    def _hear(self, kind: str, content: Any, listener: Listener) -> None:
        if kind == "training":
            self.training_listener = self.training.enter_context(listener.training(content))
        elif kind == "report" and self.training_listener is not None:
            self.training_listener(content)
        elif kind == "end":
            self.training.close()
        elif kind == "say":
            listener.say(content)
        elif kind == "failed":
            self.failure = content
        elif kind == "result":
            self.result = content

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.began

    @property
    def was_killed(self) -> bool:
        """Whether a signal ended the process."""
        return (self.process.exitcode or 0) < 0

    def end(self) -> str | None:
        """Wait until the process has ended. Return why it failed; None if it did not."""
        self.process.join()
        self.training.close()
        self.connection.close()
        code = self.process.exitcode
        if code and code < 0:
            return f"The process was ended by {signal.Signals(-code).name}."
        return self.failure or (f"The process ended with exit code {code}." if code else None)


@contextmanager
def _without_main() -> Iterator[None]:
    """Keep processes that are started inside from importing the user's script, which may start a search itself.

    Their works are defined in modules that can be imported by name.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _run(connection: Connection, work: Work, device: torch.device, permissions: Granted, parent: int) -> None:
    """Do the work in a started process, and send messages, reports and the result to the parent."""
    listener = _Distant(connection, parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # not yet ignored where another thread than the main one started it
    warnings.showwarning = lambda message, *_args, **_kwargs: listener.say(f"Note: {message}")
    warnings.filterwarnings("ignore", module="torch|optuna|onnx.*")
    warnings.filterwarnings("ignore", message=BROKEN_ENTRY_POINT)  # the process that started this one has said it
    try:
        # A terminal sends Ctrl-C and SIGHUP to all processes: the first is for the parent alone, neither must kill.
        with StopFlag(signal.SIGTERM, signal.SIGHUP) as stop:
            inherit(permissions)
            listener.tell("result", work(device, listener, lambda: stop() or listener.is_gone))
    except FAULTS as error:
        listener.tell("failed", str(error))
        sys.exit(1)


class _Distant:
    """The listener of a started process: it sends everything to the process that started it."""

    def __init__(self, connection: Connection, parent: int) -> None:
        self._connection = connection
        self._parent = parent  # it may have died while this process was starting
        self._broken = False

    @property
    def is_gone(self) -> bool:
        """Whether the process that started this process has died."""
        return self._broken or os.getppid() != self._parent

    @contextmanager
    def training(self, label: str) -> Iterator[TrainingListener]:
        self.tell("training", label)
        try:
            yield self._report
        finally:
            self.tell("end", None)

    def say(self, line: str) -> None:
        self.tell("say", line)

    def _report(self, report: Report) -> None:
        self.tell("report", replace(report, sample=None))

    def tell(self, kind: str, content: object) -> None:
        try:
            self._connection.send((kind, content))
        except OSError:
            self._broken = True
