"""Trains networks of one block each, at one cost, and compares them: what a block of `hybrid` is worth.

    python benchmarks/blocks_compared.py ../shared/infrared [--budget 4G-MACs] [--width 16] [--only gate chain]

Every network is a row of one block, as deep as the budget allows, trained by the recipe `full` on one thread. The
command continues where it was stopped. Writes results/reference/blocks_compared.md.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from tables_kit.trained_alike import SCALE, row_of, train_alike

from nas.budget import Budget
from nas.model import RESULTS
from nas.quantities import short
from nas.table import Row, Table
from search_spaces import Architecture
from search_spaces.families.hybrid_seeds import SeedFamily

LABEL = "blocks"
VALIDATIONS = 6
DESIGNS = {
    "conv": SeedFamily("conv"),
    "ecb": SeedFamily("ecb"),
    "residual": SeedFamily("residual e2"),
    "span": SeedFamily("span e2"),
    "esa": SeedFamily("esa e2"),
    "safm": SeedFamily("safm e2"),
    "chain of 3": SeedFamily("chain e1"),
    "chain of 4": SeedFamily("chain e2"),
    "gate of 2": SeedFamily("gate e2"),
    "gate of 3": SeedFamily("gate e3"),
    "gated, once as wide": SeedFamily("gated e1"),
    "gated, twice as wide": SeedFamily("gated e2"),
    "lowrank, half as wide": SeedFamily("lowrank e1"),
    "lowrank": SeedFamily("lowrank e2"),
    "ecb, learned skip": SeedFamily("ecb", {"image_skip": "learned"}),
    "residual, learned skip": SeedFamily("residual e2", {"image_skip": "learned"}),
    "ecb, separable tail": SeedFamily("ecb", {"upsampler": "separable"}),
}


def deepest(name: str, family: SeedFamily, width: int, limit: float) -> Row:
    """Return the deepest network of a family within the budget."""
    rows = []
    for depth in family.depths:
        network = Architecture("hybrid", SCALE, 1, family.network(width, depth))
        rows.append(row_of(f"{name} x{depth}, {width} ch", network))
    return [row for row in rows if row.macs <= limit][-1]


def rows_of(arguments: argparse.Namespace) -> Iterator[Row]:
    """Yield the networks that are compared."""
    limit = Budget.parse(arguments.budget).limit
    for name, family in DESIGNS.items():
        if not arguments.only or family.cell.split()[0] in arguments.only:
            yield deepest(name, family, arguments.width, limit)


def main() -> None:
    """Train what is missing, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--budget", default="4G-MACs")
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--only", nargs="*")
    arguments = parser.parse_args()
    table = train_alike(rows_of(arguments), arguments.data, LABEL, "full", arguments.steps, VALIDATIONS)
    text = markdown(table)
    (RESULTS / "reference" / "blocks_compared.md").write_text(text)
    print(text)


def markdown(table: Table) -> str:
    """Return the table, the best first."""
    steps = table.header.recipe.steps
    lines = [
        "# Blocks of `hybrid`, a row of each, trained alike",
        "",
        f"Recipe `full`, {steps:,} steps on one thread, one seed; PSNR of whole validation images, where bicubic",
        f"interpolation reaches {table.header.bicubic[0]:.2f} dB. MACs for one HR image of 1280x720.",
        "",
        "| network | PSNR dB | after a third of the steps | MACs | params | minutes |",
        "|---|---|---|---|---|---|",
    ]
    for row in sorted(table.trained, key=lambda row: -row.trained[0].curve[-1][1]):
        curve = row.trained[0].curve
        third = next(psnr for step, psnr in curve if step >= steps / 3)
        minutes = row.trained[0].training_seconds / 60
        costs = f"{short(row.macs)} | {short(row.params)} | {minutes:.1f}"
        lines.append(f"| {row.name} | {curve[-1][1]:.2f} | {third:.2f} | {costs} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
