"""One search that is disturbed, from its first command to the verdict."""

import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from optuna.exceptions import StorageInternalError
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from chaos_kit.commands import STOPS, Command
from chaos_kit.events import Scene, events_for
from chaos_kit.judge import Truth, judge
from chaos_kit.plan import ChaosPlan, Outcome
from chaos_kit.searches import CancelledError, one_machine, run_folder, seeds, two_machines

UP_SHARE = 0.85
"""So often an event waits until a command that was given again has started; else it may hit one that starts."""

ORPHAN_SECONDS = 20.0
"""Workers must have ended so long after their command, beside twice the time of a start: they may be starting."""


def disturb(
    plan: ChaosPlan, folder: Path, data: Path, truth: Truth, cancelled: Callable[[], bool] = lambda: False
) -> Outcome:
    """Let a search run to its end through all that befalls it; its folder holds a transcript afterwards."""
    folder.mkdir(parents=True)
    stage = _Stage(plan, folder, data, cancelled)
    try:
        stage.play()
        stage.close_down()
        if trials := stage.trials():
            stage.outcome.verdict = judge(trials, truth, stage.results, plan.trials, seeds())
    finally:
        stage.clear()
    return stage.outcome


class _Stage:
    """The commands and the database of one search, and what befalls them."""

    def __init__(self, plan: ChaosPlan, folder: Path, data: Path, cancelled: Callable[[], bool]) -> None:
        self.plan, self.folder, self.cancelled = plan, folder, cancelled
        self.outcome, self.rng = Outcome(plan.storage, plan.seed), random.Random(plan.seed)
        self.began = self.changed = time.monotonic()
        self.pending = self._schedule()
        search = two_machines if plan.storage == "postgres" else one_machine
        self.database, self.commands = search(plan, folder, data)
        self.results = [run_folder(command.folder) for command in self.commands]
        self.scene = Scene(self.commands, self.database, self.rng, self.say, jobs=plan.storage == "sqlite")
        self.event: Iterator[float] | None = None
        self.waits_up = True
        self.resume_at = 0.0
        self.state: tuple[int, ...] = ()
        self.judged: set[tuple[str, int]] = set()
        self.done: set[str] = set()
        self.orphans: dict[int, float] = {}
        self.orphans_at, self.orphan_seconds = 0.0, ORPHAN_SECONDS
        self.start_at = {self.commands[0].name: self.began}

    def _schedule(self) -> list[tuple[float, str]]:
        """Return the events, each with the amount of work after which it happens."""
        rng, known = self.rng, events_for(self.plan.storage)
        names = list(self.plan.events) or rng.sample(sorted(known), rng.randint(3, 5))
        if unknown := [name for name in names if name not in known]:
            raise ValueError(f"There is no event {unknown[0]!r} for {self.plan.storage}: {', '.join(known)}.")
        moments = sorted(rng.uniform(0.0, 0.5) for _ in names)  # late ones would meet a search that is done
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
            self._watch_orphans(now)
            if now - max(self.changed, self.resume_at) > self.plan.hang_seconds:
                self.outcome.hung.append(f"nothing happened for {self.plan.hang_seconds:.0f} s; {self._in_words()}")
                return
            if now - self.began > self.plan.most_seconds:
                self.outcome.hung.append(f"not done after {self.plan.most_seconds:.0f} s; {self._in_words()}")
                return
            time.sleep(0.2)

    def _look(self, now: float) -> None:
        """See whether anything happened."""
        if trials := self.trials():
            measured = len({(t.user_attrs["fingerprint"], s) for t in trials for s in t.user_attrs.get("rungs", ())})
            state = (measured, len(trials), sum(trial.state.is_finished() for trial in trials))
            if measured and self.orphan_seconds == ORPHAN_SECONDS:
                self.orphan_seconds = ORPHAN_SECONDS + 2 * (now - self.began)
            if state != self.state:
                self.state, self.changed = state, now

    def _watch_orphans(self, now: float) -> None:
        """See whether workers end soon after the command that started them."""
        if now < self.orphans_at:
            return
        self.orphans_at = now + 3
        left = {number for command in self.commands for number in command.leftovers()}
        self.orphans = {number: self.orphans.get(number, now) for number in left}
        for number, since in self.orphans.items():
            text = f"process {number} of a command that has ended"
            if now - since > self.orphan_seconds and text not in self.outcome.orphans:
                self.outcome.orphans.append(text)

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
            self.event, self.resume_at = events_for(self.plan.storage)[name](self.scene), now + self.rng.uniform(0, 1.5)
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
        deadline = time.monotonic() + self.orphan_seconds
        while (left := [p for command in self.commands for p in command.leftovers()]) and time.monotonic() < deadline:
            time.sleep(0.2)
        self.outcome.orphans += [f"process {number} when all was over" for number in left]
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
