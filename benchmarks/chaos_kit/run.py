"""One search that is disturbed, from its first command to the verdict."""

import json
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from optuna.exceptions import StorageInternalError
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from chaos_kit.commands import STOPS, Command
from chaos_kit.databases import STUDY, Database, PostgresServer, SqliteFile
from chaos_kit.events import Scene, events_for
from chaos_kit.judge import Truth, Verdict, judge
from chaos_kit.space import Drops

SPACE = Path(__file__).with_name("space.py")
RECIPE = """base: brief
name: tiny
steps: 90
batch: 2
patch: 8
validation_crop: 32
precision: float32
"""
NETWORKS = 36
"""All of the space."""
UP_SHARE = 0.85
"""So often an event waits until a command that was given again has started; else it may hit one that starts."""


@dataclass(frozen=True)
class Plan:
    """How a search is disturbed."""

    storage: str
    """`sqlite`: one command with `--jobs 2`; `postgres`: two workers with a folder each."""
    seed: int
    trials: int = 20
    events: Sequence[str] = ()
    """What befalls it; none: three to five that the seed chooses."""
    idle_ms: float = 30.0
    """How long a network idles at each training step."""
    hang_seconds: float = 120.0
    """The search hangs when nothing happens for so long."""
    most_seconds: float = 900.0
    once_more: bool = True
    """Whether the command is given again at the end: it must find nothing to do."""


@dataclass
class Outcome:
    """What became of a search."""

    storage: str
    seed: int
    events: list[str] = field(default_factory=list)
    seconds: float = 0.0
    starts: int = 0
    aimed_hits: int = 0
    gave_up: list[str] = field(default_factory=list)
    """Commands that ended by themselves where they should have outlived what befell them."""
    hung: list[str] = field(default_factory=list)
    tracebacks: int = 0
    wrong_codes: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    verdict: Verdict = field(default_factory=Verdict)

    @property
    def faults(self) -> list[str]:
        """All that went wrong, in words."""
        words = {"hung": self.hung, "exit code": self.wrong_codes, "left behind": self.orphans}
        words |= {"gave up": self.gave_up, "tracebacks": [str(self.tracebacks)] * (self.tracebacks > 0)}
        words |= {"value": self.verdict.differing, "lost": self.verdict.lost, "doubled": self.verdict.doubled}
        return [f"{kind}: {text}" for kind, texts in words.items() for text in texts]

    def to_dict(self) -> dict[str, object]:
        """Return it as plain data."""
        return asdict(self) | {"faults": self.faults}


class CancelledError(Exception):
    """The user wants no more."""


def find_truth(folder: Path, data: Path, cancelled: Callable[[], bool] = lambda: False) -> Truth:
    """Train every network of the space on all rungs, undisturbed. Raises RuntimeError where that fails."""
    folder.mkdir(parents=True)
    arguments = (*_search(folder, data, NETWORKS), "--proxy", "everything", "--sampler", "random")
    command = Command("truth", arguments, folder, _environment(0))
    command.start()
    try:
        while command.is_running:
            if cancelled():
                raise CancelledError
            time.sleep(0.2)
        if command.code:
            raise RuntimeError("The undisturbed run failed:\n" + "\n".join(command.lines))
    finally:
        command.clear()
    database = SqliteFile(_run_folder(folder) / "study.db")
    try:
        truth = Truth.of(database.trials(), _run_folder(folder))
    finally:
        database.close()
    if len(truth.rungs) != NETWORKS:
        raise RuntimeError(f"The undisturbed run has {len(truth.rungs)} networks, not {NETWORKS}.")
    return truth


def disturb(
    plan: Plan, folder: Path, data: Path, truth: Truth, cancelled: Callable[[], bool] = lambda: False
) -> Outcome:
    """Let a search run to its end through all that befalls it; its folder holds a transcript afterwards."""
    folder.mkdir(parents=True)
    stage = _Stage(plan, folder, data, cancelled)
    try:
        stage.play()
        stage.close_down()
        if trials := stage.trials():
            stage.outcome.verdict = judge(trials, truth, stage.results, plan.trials, _seeds())
    finally:
        stage.clear()
    return stage.outcome


class _Stage:
    """The commands and the database of one search, and what befalls them."""

    def __init__(self, plan: Plan, folder: Path, data: Path, cancelled: Callable[[], bool]) -> None:
        self.plan, self.folder, self.cancelled = plan, folder, cancelled
        self.outcome, self.rng = Outcome(plan.storage, plan.seed), random.Random(plan.seed)
        self.began = self.changed = time.monotonic()
        self.database: Database
        if plan.storage == "postgres":
            self.database, self.commands = _two_machines(plan, folder, data)
        else:
            self.database, self.commands = _one_machine(plan, folder, data)
        self.results = [_run_folder(command.folder) for command in self.commands]
        self.scene = Scene(self.commands, self.database, self.rng, self.say, jobs=plan.storage == "sqlite")
        self.pending = self._schedule()
        self.event: Iterator[float] | None = None
        self.waits_up = True
        self.resume_at = 0.0
        self.state: tuple[int, ...] = ()
        self.judged: set[tuple[str, int]] = set()
        self.done: set[str] = set()
        self.start_at = {self.commands[0].name: self.began}

    def _schedule(self) -> list[tuple[float, str]]:
        """Return the events, each with the amount of work after which it happens."""
        rng, known = self.rng, events_for(self.database)
        names = list(self.plan.events) or rng.sample(sorted(known), rng.randint(3, 5))
        if unknown := [name for name in names if name not in known]:
            raise ValueError(f"There is no event {unknown[0]!r} for {self.plan.storage}: {', '.join(known)}.")
        moments = sorted(rng.uniform(0.0, 0.8) for _ in names)
        most = sum(self.plan.trials // 3**level for level in range(3))  # measurements on rungs, at least
        return [(moment * most, name) for moment, name in zip(moments, names, strict=True)]

    def say(self, line: str) -> None:
        """Write a line into the transcripts."""
        for command in self.commands:
            command.note(f"# {line}")

    def trials(self) -> list[FrozenTrial]:
        """Return the trials of the study; none where it can't be read now."""
        if self.database.is_cut or not any(command.is_up or command.starts > 1 for command in self.commands):
            return []
        try:
            return self.database.trials()
        except (SQLAlchemyError, StorageInternalError, KeyError):
            return []

    def play(self) -> None:
        """Give the commands until they are done."""
        while self.event or not all(command.name in self.done for command in self.commands):
            if self.cancelled():
                raise CancelledError
            now = time.monotonic()
            self._look(now)
            self._give_commands(now)
            self._befall(now)
            if now - max(self.changed, self.resume_at) > self.plan.hang_seconds:
                self.outcome.hung.append(f"nothing happened for {self.plan.hang_seconds:.0f} s; {self._in_words()}")
                return
            if now - self.began > self.plan.most_seconds:
                self.outcome.hung.append(f"not done after {self.plan.most_seconds:.0f} s; {self._in_words()}")
                return
            time.sleep(0.1)

    def _look(self, now: float) -> None:
        """See whether anything happened."""
        if trials := self.trials():
            measured = len({(t.user_attrs["fingerprint"], s) for t in trials for s in t.user_attrs.get("rungs", ())})
            state = (measured, len(trials), sum(trial.state.is_finished() for trial in trials))
            if state != self.state:
                self.state, self.changed = state, now

    def _in_words(self) -> str:
        states = [trial.state.name for trial in self.trials()]
        counts = ", ".join(f"{states.count(name)} {name}" for name in sorted(set(states)))
        bare = [t.number for t in self.trials() if t.state == TrialState.RUNNING and "worker" not in t.user_attrs]
        alive = [command.name for command in self.commands if command.is_running]
        said = {command.name: command.lines[-1:] for command in self.commands}
        return f"trials: {counts}; RUNNING without worker: {bare}; running: {alive}; last lines: {said}"

    def _give_commands(self, now: float) -> None:
        """Judge commands that have ended, and give them again unless they are done."""
        for command in self.commands:
            if command.starts and not command.is_running and (command.name, command.starts) not in self.judged:
                self.judged.add((command.name, command.starts))
                self._judge_end(command)
                if command.name not in self.done:
                    self.start_at[command.name] = now + self.rng.uniform(0, 2)
            if now >= self.start_at.get(command.name, float("inf")):
                del self.start_at[command.name]
                command.start()
                self.changed = now
                if self.database.is_cut:
                    self.scene.forgiven.add(command.name)
        if self.commands[0].is_up:
            for command in self.commands[1:]:
                if not command.starts:
                    self.start_at[command.name] = now

    def _judge_end(self, command: Command) -> None:
        """See whether an exit code is right."""
        code, errors = command.code, [line for line in command.lines if line.startswith("Error")]
        self.say(f"{command.name} ended with exit code {code}")
        sent = [number.name for number in command.sent]
        right = {-9} if "SIGKILL" in sent else {STOPS[number] for number in command.sent}
        if command.sent_early:
            right |= {-number for number in command.sent}
        if code == 0:
            if (tried := len(self._tried())) < self.plan.trials:
                self.outcome.wrong_codes.append(f"{command.name}: 0, but {tried} networks were tried")
                return
            self.done.add(command.name)
            if not any(" ends: done" in line for line in command.lines):
                self.outcome.wrong_codes.append(f"{command.name}: 0, but it doesn't say that it is done")
        elif sent:
            if code not in right:
                self.outcome.wrong_codes.append(f"{command.name}: {code} after {', '.join(sent)}")
        elif code not in (1, 2) or not errors:
            self.outcome.wrong_codes.append(f"{command.name}: {code} without a sentence")
        elif command.name not in self.scene.forgiven:
            self.outcome.gave_up.append(f"{command.name}: {errors[-1]}")
        self.scene.forgiven.discard(command.name)

    def _tried(self) -> set[str]:
        return {t.user_attrs["fingerprint"] for t in self.trials() if t.user_attrs.get("rungs")}

    def _befall(self, now: float) -> None:
        """Begin the next event when its time has come, or go on with the one that is on."""
        if self.event is None and self.pending and self.state and self.state[0] >= self.pending[0][0]:
            if not (self.scene.is_up() if self.waits_up else self.scene.running()):
                return
            _, name = self.pending.pop(0)
            self.waits_up = self.rng.random() < UP_SHARE
            self.outcome.events.append(name)
            self.say(f"event: {name}")
            self.event, self.resume_at = events_for(self.database)[name](self.scene), now + self.rng.uniform(0, 1.5)
        if self.event is not None and now >= self.resume_at:
            seconds = next(self.event, None)
            self.resume_at = self.changed = time.monotonic()
            if seconds is None:
                self.event = None
                self.say("event over")
            else:
                self.resume_at += seconds

    def close_down(self) -> None:
        """Give the command once more, and see that nothing is left running."""
        if self.plan.once_more and not self.outcome.hung:
            before, command = len(self.trials()), self.commands[0]
            command.start()
            while command.is_running:
                if self.cancelled():
                    raise CancelledError
                if time.monotonic() - command.began > self.plan.hang_seconds:
                    self.outcome.hung.append("the command that was given again when all was done")
                    break
                time.sleep(0.1)
            if command.code not in (0, None):
                self.outcome.wrong_codes.append(f"{command.code} when all was done")
            if len(self.trials()) > before:
                self.outcome.wrong_codes.append("0 before all was done: given again, the command found work")
        deadline = time.monotonic() + 20
        while (left := [p for command in self.commands for p in command.leftovers()]) and time.monotonic() < deadline:
            time.sleep(0.2)
        self.outcome.orphans += [f"process {number}" for number in left]
        self.outcome.seconds = time.monotonic() - self.began
        self.outcome.starts = sum(command.starts for command in self.commands)
        self.outcome.aimed_hits = self.scene.aimed_hits
        self.outcome.tracebacks = sum(command.log.read_text().count("Traceback (") for command in self.commands)

    def clear(self) -> None:
        """Kill what is left, and write down what happened."""
        if self.event is not None:
            self.event.close()  # type: ignore[attr-defined]
        for command in self.commands:
            command.clear()
        self.database.close()
        (self.folder / "outcome.json").write_text(json.dumps(self.outcome.to_dict(), indent=2) + "\n")


def _one_machine(plan: Plan, folder: Path, data: Path) -> tuple[Database, list[Command]]:
    arguments = (*_search(folder, data, plan.trials), "--seed", plan.seed, "--jobs", 2)
    command = Command("search", arguments, folder, _environment(plan.idle_ms))
    return SqliteFile(_run_folder(folder) / "study.db"), [command]


def _two_machines(plan: Plan, folder: Path, data: Path) -> tuple[Database, list[Command]]:
    for name in ("here", "there"):
        (folder / name).mkdir()
    server = PostgresServer()
    shutil.copytree(data, folder / "there" / "images")
    environment = _environment(plan.idle_ms)
    arguments = (*_search(folder / "here", data, plan.trials), "--seed", plan.seed, "--storage", server.url)
    first = Command("search", arguments, folder / "here", environment)
    arguments = ("worker", "--storage", server.url, "--study", STUDY, "--data", "images")
    return server, [first, Command("worker", arguments, folder / "there", environment, apart=os.geteuid() == 0)]


def _search(folder: Path, data: Path, trials: int) -> tuple[object, ...]:
    recipe = folder / "tiny.yaml"
    recipe.write_text(RECIPE)
    return (
        *("search", "--run", STUDY, "--space", Drops.name, "--plugin", SPACE, "--data", data),
        *("--budget", "300M-MACs", "--recipe", recipe, "--trials", trials),
    )


def _environment(idle_ms: float) -> dict[str, str]:
    own = {
        "NAS_HEARTBEAT_SECONDS": "1",
        "CHAOS_IDLE_MS": str(idle_ms),
        "OMP_NUM_THREADS": "1",  # sums are rounded otherwise with another number
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONUNBUFFERED": "1",
        "COLUMNS": "200",
    }
    return dict(os.environ) | own


def _run_folder(folder: Path) -> Path:
    return folder / "results" / STUDY


def _seeds() -> list[str]:
    return [f"{Drops.name}/{name}" for name in Drops.published]
