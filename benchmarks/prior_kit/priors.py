"""The priors that are compared: the shipped tables, none, and the largest with its figures at wrong networks."""

import random
from pathlib import Path

from nas.model import RESULTS
from nas.search.option import NO_PRIOR, SHIPPED_PRIOR
from nas.search.samplers.prior import Prior, load_prior, tables_of
from nas.search.samplers.problem import Problem
from nas.table import Table, read_table, write_table

SHUFFLED = "shuffled"
PRIORS = (NO_PRIOR, SHIPPED_PRIOR, SHUFFLED)
FOLDER = RESULTS / "prior-transfer"


def shuffle(table: Table, seed: int) -> Table:
    """Return a table whose trainings are permuted among the networks of each space."""
    rows = list(table.rows)
    for space in {row.network.space for row in rows}:
        places = [place for place, row in enumerate(table.rows) if row.network.space == space]
        others = random.Random(seed).sample(places, len(places))
        for place, other in zip(places, others, strict=True):
            rows[place] = table.rows[place].model_copy(update={"trainings": table.rows[other].trainings})
    return table.model_copy(update={"rows": tuple(rows)})


def prior_setting(prior: str, seed: int) -> str:
    """Return the setting of a search with one of `PRIORS`; each seed has its own permutation, in a file."""
    if prior != SHUFFLED:
        return prior
    path = (FOLDER / f"{SHUFFLED}-{seed}.json.gz").resolve()
    if not path.is_file():
        largest = max(map(read_table, tables_of(SHIPPED_PRIOR, Path())), key=lambda table: len(table.rows))
        write_table(shuffle(largest, seed), path)
    return str(path)


def load(prior: str, seed: int, problem: Problem) -> Prior | None:
    """Return one of `PRIORS` for a problem."""
    return load_prior(prior_setting(prior, seed), problem)
