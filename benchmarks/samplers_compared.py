"""Compares whole ways to search on a table: `python benchmarks/samplers_compared.py TABLE [--time 20m] [--seeds 10]`.

A way is a sampler, with or without a screen, whose candidates are all trained whole or on rungs. Every way gets the
same simulated time; thinking is measured beside. Writes results/reference/samplers_compared.{json,md,png}: the
hypervolume of what is trained fully, in dB times octaves of MACs, as a mean over the searches with its 95 % bootstrap
interval.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from nas.duration import duration
from nas.evidence.benchmark.comparison import Standing, compare, comparison_data, replay_all
from nas.evidence.benchmark.replay import Conditions, Course
from nas.evidence.benchmark.response import fit, most_frequent_space
from nas.report.progress import CountDisplay
from nas.report.replay_picture import draw_comparison
from nas.search.run import RESULTS
from nas.search.samplers import SAMPLERS
from nas.table import read_table

ENDLESS = 100_000
"""Candidates of a search that ends by its time."""
PLANNED = {False: 40, True: 100}
"""The number that `nas search --time` would plan; it decides lengths of phases and sizes of populations."""


@dataclass(frozen=True)
class Group:
    """Ways to search that differ only in the sampler."""

    samplers: tuple[str, ...]
    screens: tuple[str, ...] = ()
    on_rungs: bool = False

    def label(self, sampler: str) -> str:
        """Return the name of a way in tables and pictures."""
        return " + ".join([sampler, *self.screens, *(["rungs"] if self.on_rungs else [])])

    def conditions(self, common: Conditions) -> Conditions:
        """Return the conditions of its searches."""
        return replace(common, screens=self.screens, on_rungs=self.on_rungs, planned=PLANNED[self.on_rungs])


QUICK = tuple(name for name in SAMPLERS.names() if name != "gp")
"""Samplers whose draws do not take longer than all other work here."""
OWN = ("random", "spread", "falsr", "local")
UNSCREENED = Group(SAMPLERS.names())
GROUPS = (
    UNSCREENED,
    Group(OWN, ("surrogate:20",)),
    Group(QUICK, on_rungs=True),
    Group(OWN, ("surrogate:20",), on_rungs=True),
    Group(("random", "local"), ("surrogate:100",), on_rungs=True),
)


def main() -> None:
    """Replay the searches of all ways, and write the standings."""
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
    courses = [course for group in GROUPS for course in _replayed(group, conditions, arguments)]
    standings = compare(courses)
    figures = dict(comparison_data(conditions, standings, arguments.seeds))
    each = ("trials", "on_rungs", "screens")  # what every way has of its own
    figures["conditions"] = {name: value for name, value in figures["conditions"].items() if name not in each}
    figures["conditions"]["planned"] = PLANNED
    (arguments.to / "samplers_compared.json").write_text(json.dumps(figures) + "\n", encoding="utf-8")
    text = markdown(standings)
    (arguments.to / "samplers_compared.md").write_text(text, encoding="utf-8")
    _draw(standings, arguments)
    Console().print(text)


def _replayed(group: Group, common: Conditions, arguments: argparse.Namespace) -> list[Course]:
    with CountDisplay("searching") as progress:
        courses = replay_all(group.conditions(common), group.samplers, arguments.seeds, arguments.jobs, progress)
    return [replace(course, sampler=group.label(course.sampler)) for course in courses]


def markdown(standings: Sequence[Standing]) -> str:
    """Return the table of all ways, the best first by the mean hypervolume over the time."""
    lines = [
        "| way | mean over the time | at the end | minutes to random's end | trainings to random's end | thinking, s |",
        "|---|---|---|---|---|---|",
    ]
    for standing in sorted(standings, key=lambda standing: -standing.by_seconds.mean.mean()):
        minutes = "never" if standing.seconds_to_baseline is None else f"{standing.seconds_to_baseline / 60:.1f}"
        trainings = "never" if standing.trainings_to_baseline is None else f"{standing.trainings_to_baseline:.0f}"
        interval = f"{standing.final.mean:.2f} ({standing.final.low:.2f} to {standing.final.high:.2f})"
        cells = [standing.sampler, f"{standing.by_seconds.mean.mean():.2f}", interval, minutes, trainings]
        lines.append("| " + " | ".join([*cells, f"{standing.asking_seconds:.0f}"]) + " |")
    return "\n".join(lines) + "\n"


def _draw(standings: Sequence[Standing], arguments: argparse.Namespace) -> None:
    """Draw the samplers without screens, and the three best ways with screens or rungs."""
    unscreened = set(UNSCREENED.samplers)
    best = sorted(standings, key=lambda standing: -standing.by_seconds.mean.mean())
    others = [standing for standing in best if standing.sampler not in unscreened][:3]
    shown = [standing for standing in standings if standing.sampler in unscreened] + others
    title = "Ways to search, replayed on a table of infrared super-resolution"
    subtitle = f"{arguments.seeds} searches each, mean and 95 % band; of screens and rungs the best three"
    draw_comparison(shown, title, subtitle).savefig(arguments.to / "samplers_compared.png")


if __name__ == "__main__":
    main()
