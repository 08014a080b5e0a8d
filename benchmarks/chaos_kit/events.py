"""What befalls a search: each event is a generator that yields for how many seconds things go on meanwhile."""

import random
import resource
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError

from chaos_kit.commands import Command, send
from chaos_kit.databases import Database

AIM_SECONDS = 20.0


@dataclass
class Scene:
    """What an event may touch."""

    commands: Sequence[Command]
    database: Database
    rng: random.Random
    note: Callable[[str], None]
    jobs: bool
    """Whether the command has worker processes of its own."""
    aimed_hits: int = 0
    forgiven: set[str] = field(default_factory=set)
    """Names of commands that may end with exit code 1 or 2 and a sentence now: they can't go on."""

    def running(self) -> list[Command]:
        """The commands that run, were not told to stop and don't end by themselves."""
        return [c for c in self.commands if c.is_running and not c.sent and not c.is_ending]

    def is_up(self) -> bool:
        """Whether all commands that run have started, with their workers."""
        running = self.running()
        return bool(running) and all(c.is_up and (c.workers or not self.jobs) for c in running)

    def victim(self) -> Command | None:
        """Return one of the commands that run."""
        return self.rng.choice(running) if (running := self.running()) else None

    def process(self) -> tuple[Command, int] | None:
        """Return a process that trains: a worker of `--jobs`, else the command itself."""
        return self.rng.choice(candidates) if (candidates := self.processes()) else None

    def processes(self) -> list[tuple[Command, int]]:
        """The processes that train."""
        return [(c, p) for c in self.running() for p in (c.workers if self.jobs else [c.main]) if p]


Event = Callable[[Scene], Iterator[float]]


def kill_worker(scene: Scene) -> Iterator[float]:
    """SIGKILL of a process that trains."""
    if found := scene.process():
        command, process = found
        if process == command.main:
            command.signal_main(signal.SIGKILL)
        else:
            send(process, signal.SIGKILL)
            scene.forgiven.discard(command.name)
    yield 0


def kill_parent(scene: Scene) -> Iterator[float]:
    """SIGKILL of the command; its workers must end by themselves."""
    if command := scene.victim():
        command.signal_main(signal.SIGKILL)
    yield 0


def kill_all(scene: Scene) -> Iterator[float]:
    """SIGKILL of every process at once, as when a machine loses its power."""
    for command in scene.running():
        command.signal_group(signal.SIGKILL)
    yield 0


def _stop(number: signal.Signals, *, group: bool = False, times: int = 1) -> Event:
    def event(scene: Scene) -> Iterator[float]:
        command = scene.victim()
        for _ in range(times):
            if command and command.is_running:
                command.signal_group(number) if group else command.signal_main(number)
                yield 0.3

    return event


def _freeze(low: float, high: float, *, every: bool = False) -> Event:
    """SIGSTOP, and SIGCONT some seconds later; the grace period of heartbeats is 5 s."""

    def event(scene: Scene) -> Iterator[float]:
        found = scene.process()
        if every:
            frozen = [number for command in scene.running() for number, _ in command.members()]
        else:
            frozen = [found[1]] if found else []
        for number in frozen:
            send(number, signal.SIGSTOP)
        try:
            yield scene.rng.uniform(low, high)
        finally:
            for number in frozen:
                send(number, signal.SIGCONT)

    return event


def freeze_parent(scene: Scene) -> Iterator[float]:
    """SIGSTOP of the command alone, whose workers go on."""
    command = scene.victim()
    main = command.main if command else None
    if main:
        send(main, signal.SIGSTOP)
        try:
            yield scene.rng.uniform(2, 9)
        finally:
            send(main, signal.SIGCONT)


def _cut(how: str, low: float, high: float) -> Event:
    """The database goes away for some seconds."""

    def event(scene: Scene) -> Iterator[float]:
        scene.database.cut(how)
        try:
            yield scene.rng.uniform(low, high)
        finally:
            scene.database.mend()

    return event


def kill_while_cut(scene: Scene) -> Iterator[float]:
    """A process that trains is killed while the database is away."""
    scene.database.cut("stop")
    try:
        yield scene.rng.uniform(1, 4)
        yield from kill_worker(scene)
        yield scene.rng.uniform(1, 6)
    finally:
        scene.database.mend()


def no_writing(scene: Scene) -> Iterator[float]:
    """No process may write to any file for some seconds, as on a disk that is full."""
    commands = scene.running()
    scene.forgiven |= {command.name for command in commands}
    deadline = time.monotonic() + scene.rng.uniform(2, 6)
    try:
        while time.monotonic() < deadline:
            for command in commands:
                command.limit_files(0)
            yield 0.2
    finally:
        for command in commands:
            command.limit_files(resource.RLIM_INFINITY)


def aimed_kill(scene: Scene) -> Iterator[float]:
    """SIGKILL of a process that has just taken a trial and not yet put its name to it; of one, or of all."""
    deadline, stops_one = time.monotonic() + AIM_SECONDS, scene.rng.random() < 0.5
    before = _just_taken(scene.database)  # left by an earlier kill
    while time.monotonic() < deadline and scene.running():
        frozen = scene.processes()  # to look for them takes longer than to name a trial
        if not _wait_for_taken(scene.database, before):
            continue
        for _, process in frozen:
            send(process, signal.SIGSTOP)
        taken: list[int] = []
        for command, process in scene.rng.sample(frozen, len(frozen)):
            if taken := _just_taken(scene.database, before):
                if process == command.main:
                    command.signal_main(signal.SIGKILL)
                else:
                    send(process, signal.SIGKILL)
                if stops_one:
                    frozen.remove((command, process))
                    break
        for _, process in frozen:
            send(process, signal.SIGCONT)
        yield 0.5
        if set(taken) & set(_just_taken(scene.database, before)):
            scene.aimed_hits += 1
            scene.note(f"hit: trial {taken[0]} was taken, and has no worker")
            return
    scene.note("missed")


def _wait_for_taken(database: Database, before: Sequence[int]) -> list[int]:
    """Return the trials that were just taken, as soon as there is one; none after a while."""
    deadline = time.monotonic() + 0.5
    while time.monotonic() < deadline:
        if taken := _just_taken(database, before):
            return taken
        time.sleep(0.0005)
    return []


def _just_taken(database: Database, before: Sequence[int] = ()) -> list[int]:
    try:
        return [number for number in database.just_taken() if number not in before]
    except SQLAlchemyError:
        return []


COMMON: dict[str, Event] = {
    "kill a worker": kill_worker,
    "kill all": kill_all,
    "kill when a trial is taken": aimed_kill,
    "SIGTERM": _stop(signal.SIGTERM),
    "Ctrl-C": _stop(signal.SIGINT, group=True),
    "Ctrl-C twice": _stop(signal.SIGINT, group=True, times=2),
    "SIGHUP": _stop(signal.SIGHUP, group=True),
    "freeze briefly": _freeze(1, 4),
    "freeze long": _freeze(6, 10),
    "freeze all": _freeze(6, 10, every=True),
    "no writing": no_writing,
}
OF_SQLITE: dict[str, Event] = {
    "kill the parent": kill_parent,
    "SIGINT to the parent": _stop(signal.SIGINT),
    "freeze the parent": freeze_parent,
    "lock": _cut("lock", 3, 12),
    "kill while locked": kill_while_cut,
}
OF_POSTGRES: dict[str, Event] = {
    "stop the server": _cut("stop", 3, 14),
    "restart the server": _cut("stop", 0, 0.5),
    "freeze the server": _cut("freeze", 3, 14),
    "kill while it is away": kill_while_cut,
}


def events_for(storage: str) -> dict[str, Event]:
    """Return the events that can befall a search whose study lies in `sqlite` or `postgres`."""
    return COMMON | (OF_POSTGRES if storage == "postgres" else OF_SQLITE)
