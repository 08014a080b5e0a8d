"""Several trainings on this machine at a time: one process each, so that one that dies takes nothing with it."""

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
from nas.parallel.listener import Audience
from nas.plugins.given import Granted, granted, inherit
from nas.training.report import Report, TrainingListener
from search_spaces import SpaceError, UnknownNameError
from search_spaces.registry import BROKEN_ENTRY_POINT

Stop = Callable[[], bool]
Work = Callable[[torch.device, Audience, Stop], Any]
"""What a process does, on its device; must be picklable. It ends early and cleanly when the stop turns true."""

FAULTS = (InputError, RunError, SpaceError, UnknownNameError)
"""What ends a piece of work with one sentence."""

_NOT_BEGUN = "not started"
_POLL_SECONDS = 0.2

_SOON, _MOST_REPLACED = 60.0, 3
"""Processes that were killed within so many seconds of their start are replaced so many times in a row."""


def run_processes(
    works: Mapping[str, Work],
    devices: Sequence[torch.device],
    audience: Audience,
    should_stop: Stop,
    *,
    replaces_killed: bool = False,
    on_result: Callable[[str, Any], None] = lambda name, result: None,
) -> dict[str, str]:
    """Run each of `works` in a process of its own, one at a time on each of `devices`; return why some failed, by name.

    A device may be named several times. What the processes tell their audience reaches `audience`, what they return
    `on_result`. A stop is passed on to those that run, and no other is begun; what was not done counts as failed. With
    `replaces_killed` another process takes the place of one that was killed, unless several were as soon as they ran.
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
                if child.follow(audience):
                    continue
                children.remove(child)
                free.append(child.device)
                failure = child.end()
                if failure is None:
                    on_result(child.name, child.result)
                    continue
                deaths[child.name] = deaths[child.name] + 1 if child.seconds < _SOON else 1
                if replaces_killed and child.was_killed and not told and deaths[child.name] <= _MOST_REPLACED:
                    audience.say(f"{child.name}: {failure} Another takes its place.")
                    waiting[child.name] = works[child.name]
                    continue
                failures[child.name] = failure
                audience.say(f"{child.name}: {failure}")
    finally:
        for child in children:  # only after a second Ctrl-C, or a fault of ours
            child.process.kill()
            child.end()
    return failures | dict.fromkeys(waiting, _NOT_BEGUN)


def run_in_turn(
    works: Mapping[str, Work], device: torch.device, audience: Audience, should_stop: Stop
) -> dict[str, str]:
    """Run `works` one after the other in this process; return why some failed, as `run_processes` does."""
    failures: dict[str, str] = {}
    for name, work in works.items():
        if should_stop():
            failures[name] = _NOT_BEGUN
            continue
        try:
            work(device, audience, should_stop)
        except FAULTS as error:
            failures[name] = str(error)
            audience.say(f"{name}: {error}")
    return failures


@dataclass
class _Child:
    """A running process, as its parent sees it."""

    name: str
    device: torch.device
    process: BaseProcess
    connection: Connection
    training: ExitStack = field(default_factory=ExitStack)
    listener: TrainingListener | None = None
    failure: str | None = None
    result: Any = None
    """What its work returned."""
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

    def follow(self, audience: Audience) -> bool:
        """Pass on what the process has said; tell whether it may say more."""
        try:
            while self.connection.poll():
                kind, content = self.connection.recv()
                self._hear(kind, content, audience)
        except (EOFError, OSError):
            return False
        return True

    def _hear(self, kind: str, content: Any, audience: Audience) -> None:
        if kind == "training":
            self.listener = self.training.enter_context(audience.training(content))
        elif kind == "report" and self.listener is not None:
            self.listener(content)
        elif kind == "end":
            self.training.close()
        elif kind == "say":
            audience.say(content)
        elif kind == "failed":
            self.failure = content
        elif kind == "result":
            self.result = content

    @property
    def seconds(self) -> float:
        """How long ago it was started."""
        return time.monotonic() - self.began

    @property
    def was_killed(self) -> bool:
        """Whether a signal ended it."""
        return (self.process.exitcode or 0) < 0

    def end(self) -> str | None:
        """Wait until the process is gone, and return why it failed."""
        self.process.join()
        self.training.close()
        self.connection.close()
        code = self.process.exitcode
        if code and code < 0:
            return f"The process was ended by {signal.Signals(-code).name}."
        return self.failure or (f"The process ended with exit code {code}." if code else None)


@contextmanager
def _without_main() -> Iterator[None]:
    """Processes started inside don't import the user's script again, which may start a search as soon as it is run.

    What they are given to do is defined in modules that can be imported by name.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _run(connection: Connection, work: Work, device: torch.device, permissions: Granted, parent: int) -> None:
    """What a started process does."""
    audience = _Distant(connection, parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # not yet ignored where another thread than the main one started it
    warnings.showwarning = lambda message, *_args, **_kwargs: audience.say(f"Note: {message}")
    warnings.filterwarnings("ignore", module="torch|optuna|onnx.*")
    warnings.filterwarnings("ignore", message=BROKEN_ENTRY_POINT)  # the process that started this one has said it
    try:
        # A terminal sends Ctrl-C and SIGHUP to all processes: the first is for the parent alone, neither must kill.
        with StopFlag(signal.SIGTERM, signal.SIGHUP) as stop:
            inherit(permissions)
            audience.tell("result", work(device, audience, lambda: stop() or audience.is_gone))
    except FAULTS as error:
        audience.tell("failed", str(error))
        sys.exit(1)


class _Distant:
    """The audience of a started process: it sits in the process that started it."""

    def __init__(self, connection: Connection, parent: int) -> None:
        self._connection = connection
        self._parent = parent  # which may have died while this one was starting
        self._broken = False

    @property
    def is_gone(self) -> bool:
        """Whether the process that started this one has died."""
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
