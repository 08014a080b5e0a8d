"""Trains networks near the front for 6,000 steps: the truth for brief trainings, priors and promotions.

    python benchmarks/full_table.py ../shared/infrared [--budget 10G-MACs] [--count 40]

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
from nas.model import RESULTS
from nas.table import Row, write_table
from search_spaces import SPACES, Architecture
from search_spaces.families.hybrid_seeds import FAMILIES

LABEL = "full-x2"
OCTAVES = 3
NEAR = 0.7
"""A scaled seed costs at least this share of the cost that it is scaled to."""


def hand_made(limit: float) -> Iterator[Row]:
    """Yield the published networks of all spaces in the range, as a search holds them."""
    for space in SPACES:
        if SCALE in space.scales and 1 in space.channels:
            for name, point in space.published.items():
                network = Architecture(space.name, SCALE, 1, dict(point.choices) | dict(space.pinned))
                row = row_of(f"{space.name}/{name}", network)
                if limit / 2**OCTAVES <= row.macs <= limit:
                    yield row


def scaled_seeds(limit: float) -> Iterator[Row]:
    """Yield the seeds of `hybrid` of every family and width, the deepest within the budget, a half and a quarter."""
    for target in (limit, limit / 2, limit / 4):
        for name, family in FAMILIES.items():
            for width in SPACES.get("hybrid").parameters()["width"]:
                found = None
                for depth in family.depths:
                    network = Architecture("hybrid", SCALE, 1, family.network(int(width), depth))
                    row = row_of(f"{name} x{depth}, {width} ch", network)
                    if NEAR * target <= row.macs <= target:
                        found = row
                if found:
                    yield found


def main() -> None:
    """Train what is missing, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--budget", default="10G-MACs")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--steps", type=int, default=6000)
    arguments = parser.parse_args()
    limit = Budget.parse(arguments.budget).limit
    seeds = list(scaled_seeds(limit))
    random.Random(0).shuffle(seeds)
    rows = [*hand_made(limit), *seeds[: arguments.count]]
    table = train_alike(rows, arguments.data, LABEL, "full", arguments.steps, validations=12)
    write_table(table, RESULTS / "reference" / f"{LABEL}.json.gz")
    print(f"{len(table.trained)} networks of {len(rows)} are trained")


if __name__ == "__main__":
    main()
