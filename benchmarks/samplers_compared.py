"""Compares whole ways to search on a table: `python benchmarks/samplers_compared.py TABLE [--time 20m] [--seeds 10]`.

A way is a sampler, with or without a screen, whose candidates are all trained whole or on rungs. Every way gets the
same simulated time; thinking is measured beside. Writes results/reference/samplers_compared.{json,md,png}: the
hypervolume of what is trained fully, in dB times octaves of MACs, as a mean over the searches with its 95 % bootstrap
interval.
"""

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console

from nas.cli.terminal import duration
from nas.report.progress import CountDisplay
from nas.report.replay_picture import draw_comparison
from nas.search.benchmark.comparison import Standing, compare, comparison_data
from nas.search.benchmark.replay import Conditions, Course, replay
from nas.search.benchmark.response import fit, most_frequent_space
from nas.search.benchmark.table import read_table
from nas.search.run import RESULTS
from nas.search.samplers import SAMPLERS

ENDLESS = 100_000
"""Candidates of a search that ends by its time."""


@dataclass(frozen=True)
class Way:
    """A way to search."""

    sampler: str
    screens: tuple[str, ...] = ()
    proxy: str = "brief"

    @property
    def label(self) -> str:
        """What it is called in tables and pictures; random search alone is what the others are compared with."""
        parts = [self.sampler, *self.screens, *([] if self.proxy == "brief" else [self.proxy])]
        return " + ".join(parts)


PLAIN = tuple(Way(sampler) for sampler in SAMPLERS.names())
SCREENED = tuple(Way(sampler, ("surrogate:20",)) for sampler in ("random", "spread", "falsr", "local"))
ON_RUNGS = tuple(replace(way, proxy="halving") for way in (*PLAIN, *SCREENED) if way.sampler != "gp")
"""Without `gp`, whose thinking takes longer than anything else here."""


def main() -> None:
    """Replay the searches of all ways and write how they did."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path)
    parser.add_argument("--time", default="20m")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--to", type=Path, default=RESULTS / "reference")
    arguments = parser.parse_args()
    table = read_table(arguments.table)
    conditions = Conditions(
        table.header, fit(table, most_frequent_space(table)), trials=ENDLESS, seconds=duration(arguments.time)
    )
    tasks = [(way, seed) for seed in range(arguments.seeds) for way in (*PLAIN, *SCREENED, *ON_RUNGS)]
    standings = compare(_run(conditions, tasks, arguments.jobs))
    figures = dict(comparison_data(conditions, standings, arguments.seeds))
    each = ("trials", "proxy", "screens")  # what every way has of its own
    figures["conditions"] = {name: one for name, one in figures["conditions"].items() if name not in each}
    (arguments.to / "samplers_compared.json").write_text(json.dumps(figures) + "\n", encoding="utf-8")
    text = markdown(standings)
    (arguments.to / "samplers_compared.md").write_text(text, encoding="utf-8")
    _draw(standings, arguments)
    Console().print(text)


def _run(conditions: Conditions, tasks: Sequence[tuple[Way, int]], jobs: int) -> list[Course]:
    courses: list[Course] = []
    with CountDisplay("searching") as progress, ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        for course in pool.map(partial(_replay, conditions), tasks):
            courses.append(course)
            progress(len(courses), len(tasks))
    return courses


def _replay(conditions: Conditions, task: tuple[Way, int]) -> Course:
    way, seed = task
    course = replay(replace(conditions, screens=way.screens, proxy=way.proxy), way.sampler, seed)
    return replace(course, sampler=way.label)


def markdown(standings: Sequence[Standing]) -> str:
    """Return the table of all ways, the best first by the mean hypervolume over the time."""
    lines = [
        "| way | mean over the time | at the end | minutes to random's end | trainings to random's end | thinking, s |",
        "|---|---|---|---|---|---|",
    ]
    for one in sorted(standings, key=lambda one: -one.by_seconds.mean.mean()):
        minutes = "never" if one.seconds_to_baseline is None else f"{one.seconds_to_baseline / 60:.1f}"
        trainings = "never" if one.trainings_to_baseline is None else f"{one.trainings_to_baseline:.0f}"
        interval = f"{one.final.mean:.2f} ({one.final.low:.2f} to {one.final.high:.2f})"
        cells = [one.sampler, f"{one.by_seconds.mean.mean():.2f}", interval, minutes, trainings]
        lines.append("| " + " | ".join([*cells, f"{one.asking_seconds:.0f}"]) + " |")
    return "\n".join(lines) + "\n"


def _draw(standings: Sequence[Standing], arguments: argparse.Namespace) -> None:
    """Draw the samplers alone, and beside random search the best of each kind of way."""
    plain = {way.label for way in PLAIN}
    best = sorted(standings, key=lambda one: -one.by_seconds.mean.mean())
    others = [one for one in best if one.sampler not in plain][:3]
    shown = [one for one in standings if one.sampler in plain] + others
    title = "Ways to search, replayed on a table of infrared super-resolution"
    subtitle = f"{arguments.seeds} searches each, mean and 95 % band; of screens and rungs the best three"
    draw_comparison(shown, title, subtitle).savefig(arguments.to / "samplers_compared.png")


if __name__ == "__main__":
    main()
