"""Trains networks near the front for 6,000 steps: the truth for brief trainings, priors and promotions.

    python benchmarks/full_table.py ../shared/infrared [--budget 10G-MACs] [--count 16] [--jobs 2]

The networks are all hand-made ones in the three octaves below the budget, and `--count` seeds of `hybrid`, scaled to
the budget, a half and a quarter of it. The command continues where it was stopped.
Writes results/reference/full-x2.json.gz.
"""

import argparse
import random
from collections.abc import Iterator
from pathlib import Path

from tables_kit.trained_alike import SCALE, row_of, train_alike

from nas.budget import Budget
from nas.cost import HR_SIZE
from nas.model import RESULTS
from nas.search.interest import Interest, lower_ends
from nas.search.sample import published
from nas.search.samplers.problem import Problem
from nas.search.seeds import SHARES, near_share, sizes_of
from nas.table import Row, write_table
from search_spaces import SPACES, SearchSpace

LABEL = "full-x2"
SLOW = (8,)
"""Widths of networks that are too slow to train for this table."""


def problem(space: SearchSpace, budget: Budget) -> Problem:
    """Return what may be drawn of a space in the range."""
    interest = Interest(lower_ends([budget], ()))
    return Problem(space, SCALE, 1, HR_SIZE, (budget,), fixed=space.pinned, interest=interest)


def hand_made(budget: Budget) -> Iterator[Row]:
    """Yield the published networks of all spaces in the range, as a search holds them."""
    for space in SPACES:
        if SCALE in space.scales and 1 in space.channels:
            asked = problem(space, budget)
            for name, draw in published(asked):
                if asked.is_of_interest(draw.cost):
                    yield row_of(f"{space.name}/{name}", draw.architecture)


def scaled_seeds(budget: Budget) -> Iterator[Row]:
    """Yield the seeds of `hybrid` of every family and width near the budget, a half and a quarter of it.

    Deep chains of 8 channels are left out: they take three times as long to train as others of their cost.
    """
    asked = problem(SPACES.get("hybrid"), budget)
    for name in asked.space.seed_families:
        sizes = sizes_of(asked, name)
        for share in SHARES[:3]:
            for seed in near_share(sizes, share):
                if seed.draw.choices["width"] in SLOW:
                    continue
                yield row_of(seed.name, seed.draw.architecture)


def main() -> None:
    """Train what is missing, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--budget", default="10G-MACs")
    parser.add_argument("--count", type=int, default=16)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    budget = Budget.parse(arguments.budget)
    seeds = list(scaled_seeds(budget))
    random.Random(0).shuffle(seeds)
    rows = [*hand_made(budget), *seeds[: arguments.count]]
    random.Random(1).shuffle(rows)  # so that a stopped command leaves a fair sample
    table = train_alike(rows, arguments.data, LABEL, "full", arguments.steps, 12, jobs=arguments.jobs)
    write_table(table, RESULTS / "reference" / f"{LABEL}.json.gz")
    print(f"{len(table.trained)} networks of {len(rows)} are trained")


if __name__ == "__main__":
    main()
