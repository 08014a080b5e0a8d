"""Compares learning rates of the brief recipe on deep chains and other networks that are hard to train.

    python benchmarks/learning_rates.py ../shared/infrared [--rates 0.002 0.004]

Each network is trained for 450 steps by each rate, on one thread from one seed; the command continues where it was
stopped. Writes results/reference/learning_rates.md.
"""

import argparse
from pathlib import Path

import numpy as np
from tables_kit.trained_alike import SCALE, row_of, train_alike

from nas.model import RESULTS
from nas.table import Row
from search_spaces import SPACES, Architecture
from search_spaces.families.hybrid_seeds import FAMILIES

STEPS, VALIDATIONS = 450, 3
SIZES = (
    ("plain", 20, 16),
    ("plain", 24, 8),
    ("SESR", 18, 8),
    ("RFDN", 2, 16),
    ("PAN", 6, 16),
    ("DISP", 9, 8),
    ("EDSR", 12, 8),
    ("IMDN", 2, 16),
)
"""Families of `hybrid` with their numbers of blocks and of features; FALSR-B is trained beside them."""


def main() -> None:
    """Train what is missing, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--rates", type=float, nargs="+", default=[0.002, 0.004])
    arguments = parser.parse_args()
    rows = networks()
    columns = []
    for rate in arguments.rates:
        table = train_alike(rows, arguments.data, f"rate-{rate}", "brief", STEPS, VALIDATIONS, learning_rate=rate)
        final = {row.network.fingerprint: row.trained[0].curve[-1][1] for row in table.trained}
        columns.append([final.get(row.network.fingerprint, float("nan")) for row in rows])
    text = markdown(rows, arguments.rates, np.array(columns).T)
    (RESULTS / "reference" / "learning_rates.md").write_text(text, encoding="utf-8")
    print(text)


def networks() -> list[Row]:
    """Return the networks, not yet trained."""
    rows = []
    for family, blocks, width in SIZES:
        network = Architecture("hybrid", SCALE, 1, FAMILIES[family].network(width, blocks))
        rows.append(row_of(f"{family} x{blocks}, {width} ch", network))
    falsr = SPACES.get("falsr")
    choices = {**falsr.published["FALSR-B"].choices, **falsr.pinned}
    return [*rows, row_of("FALSR-B", Architecture("falsr", SCALE, 1, choices))]


def markdown(rows: list[Row], rates: list[float], psnr: np.ndarray) -> str:
    """Return the table of PSNR, [networks, rates]; the last line has the mean gain over the first rate."""
    lines = [
        "# Learning rates of the brief recipe",
        "",
        f"PSNR in dB after {STEPS} steps, one seed.",
        "",
        "| network | " + " | ".join(f"{rate:g}" for rate in rates) + " |",
        "|---" * (len(rates) + 1) + "|",
    ]
    for row, figures in zip(rows, psnr, strict=True):
        lines.append(f"| {row.name} | " + " | ".join(f"{figure:.2f}" for figure in figures) + " |")
    gains = np.nanmean(psnr - psnr[:, :1], axis=0)
    lines.append("| mean gain over the first rate | " + " | ".join(f"{gain:+.2f}" for gain in gains) + " |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
