"""The progress of a search: number of candidates, time left, and the best networks so far."""

import time
from dataclasses import dataclass, replace

import optuna

from nas.budget import Budget
from nas.objectives import OBJECTIVES, first_quality
from nas.report.lines import Part, fit, in_order, span
from nas.report.tables import in_run
from nas.report.whole import Tally
from nas.search.history import MeasuredNetwork
from nas.search.run import Run
from nas.search.schedule.deadline import Deadline
from nas.search.snapshot import Snapshot
from nas.search.study import load_study

SHARES = (1, 2, 4)
"""The best network is shown within the budget, half the budget, and a quarter of it."""

OLD_SECONDS = 60.0
"""Age in seconds above which the age of a reading is shown: the database may be away."""


@dataclass(frozen=True)
class Best:
    """The best network so far within a budget."""

    within: str
    name: str
    figures: tuple[Part, ...]
    """Quality, gain over the baseline, cost, and the steps of a network that is not trained to the end."""


@dataclass(frozen=True)
class Standing:
    """The progress of a search at one moment."""

    tried: int
    """Candidates that were measured on at least one rung."""
    trained: int
    """Candidates that were trained to the end."""
    paused: int
    promoted: int
    """Candidates that were trained beyond their first rung."""
    failed: int
    running: int
    """Trainings of all workers."""
    best: tuple[Best, ...]

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Standing":
        """Return the standing of a snapshot."""
        return cls(
            tried=len(snapshot.measured),
            trained=len(snapshot.candidates),
            paused=sum(network.is_open for network in snapshot.paused),
            promoted=sum(len(network.rungs) > 1 for network in snapshot.measured),
            failed=len(snapshot.given_up),
            running=sum(trial.state.name == "RUNNING" for trial in snapshot.trials),
            best=tuple(_best(snapshot)) if snapshot.measured else (),
        )

    @property
    def in_words(self) -> list[str]:
        """The counts of candidates by state, without zeros."""
        counts = {
            "trained to the end": self.trained,
            "paused": self.paused,
            "promoted": self.promoted,
            "failed": self.failed,
            "in training": self.running,
        }
        return [f"{count} {what}" for what, count in counts.items() if count]


class SearchView:
    """Shows the progress of a search; a `nas.report.whole.Whole`."""

    def __init__(self, run: Run, began: float, deadline: Deadline | None = None) -> None:
        """Show `run`; this command has worked on it since `began` on `time.monotonic()`."""
        self._run, self._began, self._deadline = run, began, deadline
        # A storage of its own: while the database is away, a reading fails instead of waiting.
        self._storage = run.storage.at_once()
        self._study: optuna.Study | None = None
        self._first: tuple[float, int] | None = None
        self._read_at = began
        self.standing: Standing | None = None
        """The last reading."""

    def read(self) -> None:
        """Read the study once."""
        if self._study is None:
            self._study = load_study(self._storage, self._run.settings.study)
        standing = Standing.of(Snapshot.of(self._run.folder, self._run.settings, self._study))
        now = time.monotonic()
        self._first = self._first or (now, standing.tried)
        self.standing, self._read_at = standing, now

    def lines(self, width: int, tally: Tally) -> list[str]:
        """Return a line with the progress, a line with the states of candidates, and a line for each best network."""
        run, standing = self._run.settings.run, self.standing
        if standing is None:
            return [fit([Part(f"{run}: {span(self._gone)} gone")], width)]
        first, *others = self._progress(standing)
        lines = [fit(in_order(f"{run}: {first}", *others), width, ", ")]
        lines.append(fit(in_order(*standing.in_words), width, ", "))
        margin = max((len(best.within) for best in standing.best), default=0)
        name_width = max((len(best.name) for best in standing.best), default=0)
        for best in standing.best:
            named = [Part(best.within.ljust(margin)), Part(best.name.ljust(name_width))]
            lines.append(fit([*named, *best.figures], width))
        return [line for line in lines if line]

    def line(self, tally: Tally) -> str:
        """Return the contents of `lines` in one line."""
        if (standing := self.standing) is None:
            return ""
        best = [
            " ".join((f"{b.within}: {b.name}", *(part.text for part in b.figures if part.text))) for b in standing.best
        ]
        parts = [", ".join(self._progress(standing)), ", ".join(standing.in_words), *best]
        return f"{self._run.settings.run}: {'; '.join(part for part in parts if part)}"

    def short(self, label: str) -> str:
        """Return `:18` of `first:18`."""
        return in_run(label, self._run.settings.run)

    @property
    def _gone(self) -> float:
        return time.monotonic() - self._began

    def _progress(self, standing: Standing) -> list[str]:
        """Return the number of tried candidates, the elapsed time and the time left."""
        settings = self._run.settings
        about = "about " if settings.is_planned and self._deadline else ""
        parts = [f"{standing.tried} of {about}{settings.trials} candidates", f"{span(self._gone)} gone"]
        if left := self._left(standing):
            parts.append(left)
        age = time.monotonic() - self._read_at
        return [*parts, f"news of {span(age)} ago"] if age > OLD_SECONDS else parts

    def _left(self, standing: Standing) -> str:
        """Return an estimate of the time left, at most the rest of a `--time`; empty before an estimate is possible."""
        until = None if self._deadline is None else max(0.0, self._deadline.left)
        missing = self._run.settings.trials - standing.tried
        if until == 0:
            return "time is up"
        if until is not None and self._run.settings.is_planned:
            return f"{span(until)} left"
        if missing <= 0:
            return "the front is being trained to its end"
        began, tried = self._first or (self._began, 0)
        if standing.tried <= tried:
            return "" if until is None else f"at most {span(until)} left"
        left = (self._read_at - began) / (standing.tried - tried) * missing
        return f"about {span(left if until is None else min(left, until))} left"


def _best(snapshot: Snapshot) -> list[Best]:
    """Return the best network within each of `SHARES` of the first budget."""
    settings, quality = snapshot.settings, first_quality(snapshot.settings.objectives)
    budget = settings.budgets[0]
    found: list[Best] = []
    for share in SHARES:
        part = budget if share == 1 else replace(budget, limit=budget.limit / share)
        fitting = [
            network
            for network in snapshot.measured
            if _is_measured(network, quality.name, part) and part.excess(network.figures) <= 0
        ]
        best = max(fitting, key=lambda network: network.figures[quality.name], default=None)
        within = f"best within {part.in_words}"
        if best is None:
            found.append(Best(within, "none yet", ()))
        else:
            found.append(Best(within, _name(snapshot, best), _figures(snapshot, best, part)))
    return found


def _is_measured(network: MeasuredNetwork, quality: str, budget: Budget) -> bool:
    return quality in network.figures and budget.cost in network.figures


def _name(snapshot: Snapshot, network: MeasuredNetwork) -> str:
    return in_run(snapshot.label(network.trial), snapshot.settings.run)


def _figures(snapshot: Snapshot, network: MeasuredNetwork, budget: Budget) -> tuple[Part, ...]:
    """Return quality, gain over the baseline, cost, and the steps of a network that is not trained to the end."""
    settings, quality = snapshot.settings, first_quality(snapshot.settings.objectives)
    figure = network.figures[quality.name]
    baseline = dict(zip(("psnr", "ssim"), snapshot.bicubic, strict=True)).get(quality.name)
    steps = settings.recipe.steps
    return (
        Part(quality.in_words(figure)),
        Part("" if baseline is None else f"{figure - baseline:+.{quality.digits}f}", 2),
        Part(OBJECTIVES.get(budget.cost).shown(network.figures[budget.cost]), 3),
        Part("" if network.steps >= steps else f"{network.steps}/{steps} steps", 1),
    )
