"""Lets several ways to search run for the same time on the same images, and draws how their fronts grow.

    python benchmarks/search_compared.py ../shared/infrared [--time 15m] [--seeds 3] [--budget 10G-MACs] [--parallel 2]

The ways: random search, multivariate TPE and NSGA-II, each with every candidate trained for the whole brief recipe, and
what `nas search` does when nothing is said. All begin with the published networks of the space and end when the time is
up. The hypervolume at a moment is that of the networks that were trained for the whole recipe by then, in dB times
octaves of MACs, against bicubic interpolation at the budget. Up to `--parallel` searches run side by side, one thread
each; seeds are taken in turn, so that what else the machine does meets all ways alike. The time is that of the whole
command, its start included. Searches that are finished already are only read; one that was cut off begins anew. Writes
results/reference/search_compared.json and .png.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from optuna.trial import TrialState

from nas.duration import duration
from nas.search.history import RUNGS
from nas.search.run import RESULTS, Run, open_run
from nas.search.schedule.hypervolume_history import hypervolume_history

WAYS: Mapping[str, tuple[str, ...]] = {
    "random": ("--no-rungs", "--sampler", "random", "--trials", "1000"),
    "tpe": ("--no-rungs", "--sampler", "tpe", "--trials", "1000"),
    "nsga2": ("--no-rungs", "--sampler", "nsga2", "--trials", "40"),
    "default": (),
}
"""Those that are compared with the default ask for more candidates than there is time for, so that they end by it.

NSGA-II's population is a tenth of its number: a small one, since there is no time for many generations.
"""
COLOURS = ("#70787f", "#d1550f", "#3d8b40", "#1f5fa8")
POINTS = 200
"""Moments at which the hypervolume is drawn."""


@dataclass(frozen=True)
class VolumeHistory:
    """The hypervolume history of one search."""

    way: str
    seed: int
    seconds: tuple[float, ...]
    """Seconds from the start of the command to the end of each training, complete or paused."""
    hypervolumes: tuple[float, ...]
    """The hypervolume after each training."""
    tried: int
    """Number of candidates that were measured on at least one rung."""
    fully: int
    """Number of candidates that were trained to the end."""

    def at(self, seconds: float) -> float:
        """Return the hypervolume at a moment."""
        return max((h for s, h in zip(self.seconds, self.hypervolumes, strict=True) if s <= seconds), default=0.0)

    def reaches(self, level: float) -> float | None:
        """Return the seconds after which the hypervolume reached `level`; None if it never did."""
        pairs = zip(self.seconds, self.hypervolumes, strict=True)
        return next((seconds for seconds, volume in pairs if volume >= level), None)


def main() -> None:
    """Run the missing searches, then write the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--time", default="15m")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--budget", default="10G-MACs")
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--to", type=Path, default=RESULTS / "reference")
    arguments = parser.parse_args()
    limit = duration(arguments.time) or 0.0
    ways = [way for _ in range(arguments.seeds) for way in arguments.ways]
    seeds = [seed for seed in range(arguments.seeds) for _ in arguments.ways]
    with ThreadPoolExecutor(arguments.parallel) as executor:
        histories = list(executor.map(lambda way, seed: search_history(way, seed, arguments), ways, seeds))
    table = compare(histories, limit)
    figures = {"time": arguments.time, "budget": arguments.budget, "side_by_side": arguments.parallel, "ways": table}
    text = json.dumps({**figures, "hypervolume_history": [asdict(history) for history in histories]}, indent=2) + "\n"
    (arguments.to / "search_compared.json").write_text(text, encoding="utf-8")
    draw(histories, limit, arguments.to / "search_compared.png")
    print(json.dumps(table, indent=2))


def search_history(way: str, seed: int, arguments: argparse.Namespace) -> VolumeHistory:
    """Return the history of a search, which runs first unless it is finished."""
    name = f"compared-{way}-{seed}-{arguments.budget}-{arguments.time}"
    finished = RESULTS / name / "finished"
    if not finished.exists():
        shutil.rmtree(RESULTS / name, ignore_errors=True)
        began = datetime.now()
        command = ["search", "--budget", arguments.budget, "--data", str(arguments.data), "--run", name]
        command += ["--seed", str(seed), "--time", arguments.time, "--recipe", "brief", *WAYS[way]]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        subprocess.run([sys.executable, "-m", "nas", *command], check=True, env=environment)
        finished.write_text(began.isoformat())
    return read_history(open_run(name), way, seed, datetime.fromisoformat(finished.read_text()))


def read_history(run: Run, way: str, seed: int, began: datetime) -> VolumeHistory:
    """Read the hypervolume history of a run whose command started at `began`."""
    trials = run.study.get_trials(deepcopy=False)
    ended = {t.number: t.datetime_complete for t in trials if t.datetime_complete}
    steps = hypervolume_history(run.study, run.settings)
    seconds = tuple((ended[step.trial] - began).total_seconds() for step in steps)
    tried = len({t.user_attrs["fingerprint"] for t in trials if RUNGS in t.user_attrs})
    fully = sum(trial.state == TrialState.COMPLETE for trial in trials)
    return VolumeHistory(way, seed, seconds, tuple(round(step.hypervolume, 4) for step in steps), tried, fully)


def compare(histories: Sequence[VolumeHistory], limit: float) -> dict[str, dict[str, object]]:
    """Return a row for each way: means over its searches, and the time to random search's final hypervolume."""
    rows: dict[str, dict[str, object]] = {}
    goals = {history.seed: history.at(limit) for history in histories if history.way == "random"}
    for way in dict.fromkeys(history.way for history in histories):
        own = [history for history in histories if history.way == way]
        times = [history.reaches(goals[history.seed]) for history in own if history.seed in goals]
        rows[way] = {
            "hypervolume": round(float(np.mean([history.at(limit) for history in own])), 3),
            "hypervolume_of_each": [history.at(limit) for history in own],
            "tried": [history.tried for history in own],
            "trained_fully": [history.fully for history in own],
            "share_of_time_to_where_random_ended": [None if t is None else round(t / limit, 3) for t in times],
        }
    return rows


def draw(histories: Sequence[VolumeHistory], limit: float, path: Path) -> None:
    """Draw the mean hypervolume of each way over time, with the range of its searches."""
    figure, axes = plt.subplots(figsize=(9, 5.5), layout="constrained")
    moments = np.linspace(0, limit, POINTS)
    for way, colour in zip(WAYS, COLOURS, strict=True):
        curves = np.array([[history.at(moment) for moment in moments] for history in histories if history.way == way])
        if len(curves):
            axes.plot(moments / 60, curves.mean(0), color=colour, label=f"{way} (mean of {len(curves)})")
            axes.fill_between(moments / 60, curves.min(0), curves.max(0), color=colour, alpha=0.15, linewidth=0)
    axes.set_xlabel("minutes of search")
    axes.set_ylabel("hypervolume of what is trained fully, in dB · octaves of MACs")
    axes.set_xlim(0, limit / 60)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
