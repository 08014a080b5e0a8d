"""Trains networks of `hybrid` with their input as it is and sharpened, and compares them.

    python benchmarks/input_compared.py ../shared/infrared [--jobs 2]

Networks of 1G to 8G MACs, all trained by the recipe `full` on one thread from one seed. The command continues where it
was stopped. Writes results/reference/input_compared.md.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from tables_kit.trained_alike import SCALE, row_of, train_alike

from nas.model import RESULTS
from nas.quantities import short
from nas.table import Row
from search_spaces import Architecture
from search_spaces.families.hybrid_seeds import FAMILIES

LABEL = "input"
VALIDATIONS = 5
SIZES = (
    ("EFDN", 5, 8),
    ("SESR", 4, 12),
    ("SESR", 4, 16),
    ("plain", 7, 16),
    ("EFDN", 4, 16),
    ("SESR", 4, 24),
    ("EFDN", 4, 24),
    ("plain", 7, 24),
)
"""Family, depth and width of each network."""
INPUTS = ("plain", "sharpened")


def main() -> None:
    """Train what is missing, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    rows = {(size, seen): as_row(*size, seen) for size in SIZES for seen in INPUTS}
    table = train_alike(rows.values(), arguments.data, LABEL, "full", arguments.steps, VALIDATIONS, jobs=arguments.jobs)
    trained = {row.network.fingerprint: row for row in table.trained}
    lines = [
        "# The input of `hybrid`, as it is and sharpened",
        "",
        f"Recipe `full`, {arguments.steps:,} steps on one thread, one seed. PSNR in dB of whole validation images",
        f"after a fifth of the steps and at their end; bicubic interpolation reaches {table.header.bicubic[0]:.2f}.",
        "",
        "| network | MACs | as it is | sharpened | gain |",
        "|---|---|---|---|---|",
    ]
    for size in SIZES:
        fingerprints = [rows[size, seen].network.fingerprint for seen in INPUTS]
        if all(fingerprint in trained for fingerprint in fingerprints):
            lines.append(line(size, [trained[fingerprint] for fingerprint in fingerprints]))
    text = "\n".join([*lines, ""])
    (RESULTS / "reference" / "input_compared.md").write_text(text)
    print(text)


def as_row(family: str, depth: int, width: int, seen: str) -> Row:
    """Return the row of a network of a family."""
    choices = {**FAMILIES[family].network(width, depth), "input": seen}
    return row_of(f"{family} x{depth}, {width} ch, {seen}", Architecture("hybrid", SCALE, 1, choices))


def line(size: tuple[str, int, int], pair: Sequence[Row]) -> str:
    """Return the line of a network, trained with both inputs."""
    curves = [row.trained[0].curve for row in pair]
    family, depth, width = size
    cells = [f"{curve[0][1]:.2f}, {curve[-1][1]:.2f}" for curve in curves]
    gain = curves[1][-1][1] - curves[0][-1][1]
    return f"| {family} x{depth}, {width} ch | {short(pair[0].macs)} | {' | '.join(cells)} | {gain:+.2f} |"


if __name__ == "__main__":
    main()
