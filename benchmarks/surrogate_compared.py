"""Measures how well the surrogate of a search predicts the order of good networks that the search has not trained.

    python benchmarks/surrogate_compared.py [--target nas/tables/infrared-x2-long.json.gz] [--repetitions 30]

The networks of the target table within `--budget` play a search: some are known, the others are predicted. Beside the
surrogate stand the multiply-adds alone, and a surrogate whose prior is the other table. Writes
results/reference/surrogate_compared.md.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nas.budget import Budget
from nas.cost import HR_SIZE
from nas.evidence.statistics import banded_taus, cost_bands, taus
from nas.model import RESULTS
from nas.search.samplers.encoding import Encoding, Networks
from nas.search.samplers.figure_model import FigureModel
from nas.search.samplers.prior import Prior, rows_of
from nas.search.samplers.problem import Problem
from nas.table import SHIPPED, Row, read_table
from search_spaces import SPACES

SPACE = "hybrid"
KNOWN = (0, 4, 8, 16, 32)
WAYS = ("no prior", "prior", "multiply-adds")


def main() -> None:
    """Predict, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, default=SHIPPED / "infrared-x2-long.json.gz")
    parser.add_argument("--prior", type=Path, default=SHIPPED / "infrared-x2.json.gz")
    parser.add_argument("--budget", default="10G-MACs")
    parser.add_argument("--repetitions", type=int, default=30)
    arguments = parser.parse_args()
    limit = Budget.parse(arguments.budget).limit
    rows = [row for row in read_table(arguments.target).trained if row.network.space == SPACE and row.macs <= limit]
    problem = Problem(SPACES.get(SPACE), 2, 1, HR_SIZE, budgets=(), fixed={})
    prior = Prior(problem.space, [rows_of(read_table(arguments.prior), problem)])
    text = "\n".join(lines(rows, prior, arguments.repetitions)) + "\n"
    (RESULTS / "reference" / "surrogate_compared.md").write_text(text, encoding="utf-8")
    print(text)


def lines(rows: list[Row], prior: Prior, repetitions: int) -> Iterator[str]:
    """Yield the lines of the report."""
    yield "# The surrogate on good networks"
    yield ""
    yield f"{len(rows)} networks of `{SPACE}`; {repetitions} random choices of those that the search has trained."
    yield "Kendall's tau of the predicted order of the others with that of their PSNR, mean and standard error."
    yield ""
    yield "| trained by the search | " + " | ".join([*WAYS, *(f"{way}, equal cost" for way in WAYS)]) + " |"
    yield "|---" * (2 * len(WAYS) + 1) + "|"
    networks: Networks = [(row.network.choices, {"macs": row.macs, "params": row.params}) for row in rows]
    psnr = np.array([row.trained[0].curve[-1][1] for row in rows])
    for known in KNOWN:
        found = [agreement(networks, psnr, prior, known, seed) for seed in range(repetitions)]
        means, errors = np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / len(found) ** 0.5
        cells = [f"{mean:.2f} ± {error:.2f}" for mean, error in zip(means, errors, strict=True)]
        yield f"| {known} | " + " | ".join(cells) + " |"


def agreement(networks: Networks, psnr: np.ndarray, prior: Prior, known: int, seed: int) -> list[float]:
    """Return tau of each way over all networks, then of each way at equal cost; 0 for a prediction without order."""
    order = np.random.default_rng(seed).permutation(len(psnr))
    some, others = [networks[i] for i in order[:known]], [networks[i] for i in order[known:]]
    macs = np.array([costs["macs"] for _, costs in others], dtype=np.float64)
    truth, encoding = psnr[order[known:]], Encoding(SPACES.get(SPACE))
    models = [FigureModel(model, encoding, some, psnr[order[:known]]) for model in (None, prior.model)]
    predicted = [*(model.predict(others)[0] for model in models), np.log2(macs)]
    everyone = np.arange(len(truth))[None]
    overall = [taus(values, truth, everyone)[0] for values in predicted]
    at_equal_cost = [banded_taus(values, truth, cost_bands(macs), everyone)[0] for values in predicted]
    return [float(value) for value in np.nan_to_num([*overall, *at_equal_cost])]


if __name__ == "__main__":
    main()
