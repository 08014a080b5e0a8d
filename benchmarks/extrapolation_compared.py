"""Measures how well figures of an early rung, extrapolated as a search does it, tell the order at the end.

    python benchmarks/extrapolation_compared.py [--networks 40 20] [--repetitions 100]

Random samples of the networks of each shipped table play searches: all are measured on the early rung, the third with
the highest PSNR for its cost goes on to the end, and the others are extrapolated from what this third gained; with
known curves, also from the curves of the other networks of the table. Writes
results/reference/extrapolation_compared.md.
"""

import argparse
from collections.abc import Iterator, Sequence

import numpy as np

from nas.cost import HR_SIZE
from nas.evidence.benchmark.response import most_frequent_space
from nas.evidence.statistics import Numbers, banded_taus, cost_bands, taus
from nas.model import RESULTS
from nas.quantities import short
from nas.search.extrapolation import Extrapolation
from nas.search.history import MeasuredNetwork
from nas.search.option import REDUCTION
from nas.search.samplers.known_rises import TableRises
from nas.search.samplers.prior import rows_of
from nas.search.samplers.problem import Problem
from nas.table import SHIPPED, Row, Table, read_table
from search_spaces import SPACES

COSTS = (0.3e9, 10e9)
"""Other networks are left out: no search for a camera looks at so wide a range as a whole table."""
SHARES = (1 / 27, 1 / 9, 1 / 3)
"""The early rungs, as shares of the training; those that a table has not measured are left out."""
FIGURES = ("as measured", "extrapolated", "with known curves")


def main() -> None:
    """Play the searches and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, nargs=2, default=[40, 20], help="of the shorter and the longer table")
    parser.add_argument("--repetitions", type=int, default=100)
    arguments = parser.parse_args()
    tables = sorted(map(read_table, SHIPPED.glob("*.json.gz")), key=lambda table: table.header.recipe.steps)
    text = "# Figures of an early rung, extrapolated\n"
    for table, count in zip(tables, arguments.networks, strict=True):
        text += "\n".join(["", *lines(table, count, arguments.repetitions)]) + "\n"
    (RESULTS / "reference" / "extrapolation_compared.md").write_text(text, encoding="utf-8")
    print(text)


def lines(table: Table, count: int, repetitions: int) -> Iterator[str]:
    """Yield the lines of the report on a table."""
    space = most_frequent_space(table)
    rows = [r for r in table.trained if r.network.space == space and COSTS[0] <= r.macs <= COSTS[1]]
    curve = [step for step, _ in rows[0].trained[0].curve]
    low, high = (short(cost) for cost in COSTS)
    yield f"{repetitions} samples of {count} of {len(rows)} networks from {low} to {high} MACs."
    yield f"Kendall's tau with the order after {curve[-1]} steps, mean and standard error."
    yield ""
    yield "| after | figure | all | equal cost |"
    yield "|---|---|---|---|"
    for early in (round(curve[-1] * share) for share in SHARES):
        if early not in curve:
            continue
        found = [played(table, rows, early, count, seed) for seed in range(repetitions)]
        for name, values in zip(FIGURES, np.array(found).transpose(1, 2, 0), strict=True):
            cells = [f"{each.mean():.3f} ± {each.std(ddof=1) / len(each) ** 0.5:.3f}" for each in values]
            yield f"| {early} steps | {name} | " + " | ".join(cells) + " |"


def played(table: Table, rows: Sequence[Row], early: int, count: int, seed: int) -> list[tuple[float, float]]:
    """Return tau, over all and at equal cost, of each of `FIGURES` of a search with `count` networks.

    The known curves are those of all other rows.
    """
    order = np.random.default_rng(seed).permutation(len(rows))
    sample, others = [rows[i] for i in order[:count]], [rows[i] for i in order[count:]]
    curves = [dict(row.trained[0].curve) for row in sample]
    last = rows[0].trained[0].curve[-1][0]
    macs = np.array([row.macs for row in sample], dtype=np.float64)
    measured, truth = (np.array([curve[step] for curve in curves]) for step in (early, last))
    octaves = np.log2(macs)
    beside_line = measured - np.polyval(np.polyfit(octaves, measured, 1), octaves)
    goes_on = set(np.argsort(-beside_line)[: count // REDUCTION].tolist())
    networks = []
    for place, (row, curve) in enumerate(zip(sample, curves, strict=True)):
        steps = (early, last) if place in goes_on else (early,)
        rungs = {step: {"psnr": curve[step]} for step in steps}
        costs = {"macs": macs[place], "params": float(row.params)}
        networks.append(MeasuredNetwork(str(place), row.network.choices, costs, rungs, place))
    problem = Problem(SPACES.get(rows[0].network.space), 2, 1, HR_SIZE, budgets=(), fixed={})
    known = TableRises(problem.space, rows_of(table.model_copy(update={"rows": tuple(others)}), problem), last)
    figures = [measured]
    for extrapolation in (Extrapolation.of(networks), Extrapolation.of(networks, known)):
        figures.append(np.array([extrapolation.lifted(network, early)["psnr"] for network in networks]))
    return [both_taus(values, truth, macs) for values in figures]


def both_taus(values: Numbers, truth: Numbers, macs: Numbers) -> tuple[float, float]:
    """Return Kendall's tau over all networks and at equal cost."""
    everyone = np.arange(len(values))[None]
    return float(taus(values, truth, everyone)[0]), float(banded_taus(values, truth, cost_bands(macs), everyone)[0])


if __name__ == "__main__":
    main()
