"""Compares brief recipes: how well each orders networks near the front, by their order after 6,000 steps.

    python benchmarks/brief_compared.py ../shared/infrared [--only "900 steps"] [--jobs 2]

The networks are those of results/reference/full-x2.json.gz (`full_table.py`). Each recipe trains all of them on one
thread; the command continues where it was stopped. Writes results/reference/brief_compared.md: Kendall's tau over all
networks, among the twelve best, and at equal cost, with the seconds of training up to each step.
"""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from full_table import LABEL as TRUTH
from tables_kit.trained_alike import train_alike

from nas.evidence.statistics import banded_taus, cost_bands, taus
from nas.model import RESULTS
from nas.table import Row, Table, read_table

STEPS, BETWEEN = 2700, 100
"""Steps of a training, and between its validations."""
BEST = 12
RECIPES: Mapping[str, Mapping[str, object]] = {
    "brief": {},
    "900 steps": {"steps": 900},
    "900 steps, no average": {"steps": 900, "ema": 0.0},
    "no average": {"ema": 0.0},
    "average 0.95": {"ema": 0.95},
    "average 0.99": {"ema": 0.99},
    "900 steps, batch 16": {"steps": 900, "batch": 16},
    "900 steps, half the rate": {"steps": 900, "learning_rate": 2e-3},
    "900 steps, twice the rate": {"steps": 900, "learning_rate": 8e-3},
    "900 steps, L1 alone": {"steps": 900, "losses": {"l1": 1.0}},
    "900 steps, patch 24, batch 14": {"steps": 900, "patch": 24, "batch": 14},
}
"""What each recipe changes in `brief`."""


def lines(name: str, table: Table, truth: Mapping[str, Row]) -> Iterator[str]:
    """Yield the rows of the comparison for one recipe, one for each validation."""
    rows = [row for row in table.trained if row.network.fingerprint in truth]
    aims = np.array([truth[row.network.fingerprint].trained[0].curve[-1][1] for row in rows])
    costs = np.array([row.macs for row in rows], dtype=np.float64)
    best = np.argsort(-aims)[:BEST]
    everyone = np.arange(len(rows))[None]
    for place, (step, _) in enumerate(rows[0].trained[0].curve):
        values = np.array([row.trained[0].curve[place][1] for row in rows])
        every = taus(values, aims, everyone)[0]
        among = taus(values[best], aims[best], np.arange(len(best))[None])[0]
        equal = banded_taus(values, aims, cost_bands(costs), everyone)[0]
        seconds = np.mean([row.trained[0].training_seconds for row in rows]) * step / rows[0].trained[0].curve[-1][0]
        yield f"| {name} | {step} | {every:.2f} | {among:.2f} | {equal:.2f} | {seconds:.1f} |"


def main() -> None:
    """Train what is missing, then write the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    reference = RESULTS / "reference"
    truth = {row.network.fingerprint: row for row in read_table(reference / f"{TRUTH}.json.gz").trained}
    found = [
        "# Brief recipes, by the order after 6,000 steps",
        "",
        f"{len(truth)} networks near the front of 10G MACs. Kendall's tau over all networks, among the {BEST} best,",
        "and at equal cost (four bands).",
        "",
        "| recipe | steps | all | best | equal cost | seconds a network |",
        "|---|---|---|---|---|---|",
    ]
    for name, changes in RECIPES.items():
        if not arguments.only or name in arguments.only:
            rows = [row.model_copy(update={"trainings": ()}) for row in truth.values()]
            label = "brief-" + "".join(letter if letter.isalnum() else "-" for letter in name)
            others = {field: value for field, value in changes.items() if field != "steps"}
            steps = int(str(changes.get("steps", STEPS)))
            table = train_alike(
                rows, arguments.data, label, "brief", steps, steps // BETWEEN, jobs=arguments.jobs, **others
            )
            found += lines(name, table, truth)
    text = "\n".join([*found, ""])
    (reference / "brief_compared.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
