"""Measures how well figures of an early rung, extrapolated as a search does it, tell the order at the end.

    python benchmarks/extrapolation_compared.py nas/tables/infrared-x2.json.gz [--networks 40] [--repetitions 200]

Random samples of the networks of a table play searches: all are measured on the early rung, the third with the highest
PSNR for its cost goes on to the end, and the others are extrapolated from what this third gained. Writes
results/reference/extrapolation_compared.md.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from nas.evidence.benchmark.response import most_frequent_space
from nas.evidence.statistics import Numbers, banded_taus, cost_bands, taus
from nas.model import RESULTS
from nas.search.extrapolation import Extrapolation
from nas.search.history import MeasuredNetwork
from nas.search.option import REDUCTION
from nas.table import Row, read_table

LEAST_MACS = 0.3e9
"""Cheaper networks are left out: no search for a camera looks at so wide a range as the whole table."""
EARLY = (100, 300)


def main() -> None:
    """Play the searches and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path)
    parser.add_argument("--networks", type=int, default=40)
    parser.add_argument("--repetitions", type=int, default=200)
    arguments = parser.parse_args()
    table = read_table(arguments.table)
    space = most_frequent_space(table)
    rows = [row for row in table.trained if row.network.space == space and row.macs >= LEAST_MACS]
    text = "\n".join(lines(rows, arguments.networks, arguments.repetitions)) + "\n"
    (RESULTS / "reference" / "extrapolation_compared.md").write_text(text, encoding="utf-8")
    print(text)


def lines(rows: Sequence[Row], networks: int, repetitions: int) -> Iterator[str]:
    """Yield the lines of the report."""
    last = rows[0].trained[0].curve[-1][0]
    yield "# Figures of an early rung, extrapolated"
    yield ""
    yield f"{repetitions} samples of {networks} of {len(rows)} networks above {LEAST_MACS / 1e9:g}G MACs."
    yield f"Kendall's tau with the order after {last} steps, mean and standard error."
    yield ""
    yield "| after | figure | all | equal cost |"
    yield "|---|---|---|---|"
    for early in EARLY:
        found = [played(rows, early, last, networks, seed) for seed in range(repetitions)]
        for name, values in zip(("as measured", "extrapolated"), np.array(found).transpose(1, 2, 0), strict=True):
            cells = [f"{each.mean():.3f} ± {each.std(ddof=1) / len(each) ** 0.5:.3f}" for each in values]
            yield f"| {early} steps | {name} | " + " | ".join(cells) + " |"


def played(rows: Sequence[Row], early: int, last: int, count: int, seed: int) -> list[tuple[float, float]]:
    """Return tau, over all and at equal cost, of the early figures as measured and as extrapolated."""
    sample = [rows[i] for i in np.random.default_rng(seed).permutation(len(rows))[:count]]
    curves = [dict(row.trained[0].curve) for row in sample]
    macs = np.array([row.macs for row in sample], dtype=np.float64)
    measured, truth = (np.array([curve[step] for curve in curves]) for step in (early, last))
    octaves = np.log2(macs)
    beside_line = measured - np.polyval(np.polyfit(octaves, measured, 1), octaves)
    goes_on = set(np.argsort(-beside_line)[: count // REDUCTION].tolist())
    networks = []
    for place, curve in enumerate(curves):
        steps = (early, last) if place in goes_on else (early,)
        rungs = {step: {"psnr": curve[step]} for step in steps}
        networks.append(MeasuredNetwork(str(place), {}, {"macs": macs[place]}, rungs, place))
    extrapolation = Extrapolation.of(networks)
    expected = np.array([extrapolation.lifted(network, early)["psnr"] for network in networks])
    return [both_taus(values, truth, macs) for values in (measured, expected)]


def both_taus(values: Numbers, truth: Numbers, macs: Numbers) -> tuple[float, float]:
    """Return Kendall's tau over all networks and at equal cost."""
    everyone = np.arange(len(values))[None]
    return float(taus(values, truth, everyone)[0]), float(banded_taus(values, truth, cost_bands(macs), everyone)[0])


if __name__ == "__main__":
    main()
