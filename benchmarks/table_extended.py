"""Trains more networks of `hybrid` for the shipped table, where users search: from 0.4G to 30G MACs, 2,700 steps each.

    python benchmarks/table_extended.py ../shared/infrared [--count 400] [--jobs 2] [--again TABLE]

In rounds of 24: half are designs of known networks in any width and depth, three eighths are changes of the best
networks so far, chosen by what a surrogate expects, and an eighth is random. Everything is kept in results/, so the
command continues where it was stopped. With `--again` the networks of a table are trained first, for instance after
the recipe has changed: all with a sharpened input, as searches build them, and every fifth as it is, too. A sixth of
all networks is trained by two seeds. Writes nas/tables/infrared-x2-long.json.gz after each round.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tables_kit.chosen import chosen
from tables_kit.trained_alike import SCALE, row_of, train_alike

from nas.budget import Budget
from nas.cost import HR_SIZE
from nas.evidence.benchmark.journal import Journal
from nas.model import RESULTS
from nas.quantities import short
from nas.search.samplers.problem import Problem
from nas.search.settings import space_fingerprint
from nas.table import SHIPPED, Row, Table, read_table, write_table
from search_spaces import SPACES

LABEL = "infrared-x2-long"
SPACE = "hybrid"
ROUND = 24
STEPS, VALIDATIONS = 2700, 27
COSTS = (0.4e9, 30e9)
PLAIN = 5
"""Of the networks that are trained again with a sharpened input, every fifth is trained as it is, too."""
TWICE = 6
"""Of about this many networks, one is trained by two seeds."""


def main() -> None:
    """Train round after round, and write the table after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--again", type=Path)
    arguments = parser.parse_args()
    again = with_inputs(read_table(arguments.again).rows) if arguments.again else []
    space = SPACES.get(SPACE)
    problem = Problem(space, SCALE, 1, HR_SIZE, (Budget(int(COSTS[1]), "MACs"),), fixed=space.pinned)
    done, stopped = 0, False
    while done < arguments.count and not stopped:
        rows = next_round(problem, again)
        table = train_alike(rows, arguments.data, LABEL, "brief", STEPS, VALIDATIONS, jobs=arguments.jobs, twice=TWICE)
        trained = {row.network.fingerprint for row in table.rows}
        stopped = any(row.network.fingerprint not in trained for row in rows)
        done = len(table.rows)
        write_table(as_shipped(table), SHIPPED / f"{LABEL}.json.gz")
        print(f"{done} of {arguments.count} networks are trained")


def as_shipped(table: Table) -> Table:
    """Return the table with what a reader needs to know: the space, the budget and the purpose."""
    known = {
        "label": "good networks where users search: longer trainings on a CPU",
        "spaces": {SPACE: space_fingerprint(SPACE)},
        "budgets": (f"{short(int(COSTS[1]))}-MACs",),
    }
    return table.model_copy(update={"header": table.header.model_copy(update=known)})


def with_inputs(rows: Sequence[Row]) -> list[Row]:
    """Return the untrained rows of all networks with a sharpened input, and after every fifth that network as it is."""
    changed: list[Row] = []
    for place, row in enumerate(rows):
        changed.append(row_of(None, row.network.replaced(input="sharpened")))
        if place % PLAIN == 0:
            changed.append(row_of(row.name, row.network))
    return changed


def next_round(problem: Problem, again: Sequence[Row]) -> list[Row]:
    """Return the networks of the next round: those of the last one that are not trained yet, those `again`, or new.

    Neighbours of the sorted networks go to different processes, so that these end at about the same time.
    """
    journal = Journal(RESULTS / f"benchmark-{LABEL}")
    rows = list(journal.table().rows) if journal.rows() else []
    trained = {row.network.fingerprint for row in rows if row.trainings}
    left = [row for row in journal.rows() if row.network.fingerprint not in trained]
    left = left or [row for row in again if row.network.fingerprint not in trained][:ROUND]
    if left:
        return sorted(left, key=lambda row: row.macs)
    draws = chosen(problem, rows, COSTS, ROUND, np.random.default_rng(len(rows)))
    return sorted((row_of(None, draw.architecture) for draw in draws), key=lambda row: row.macs)


if __name__ == "__main__":
    main()
