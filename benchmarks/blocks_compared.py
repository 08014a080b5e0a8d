"""Trains networks of one block each, at one cost, and compares them: what a block of `hybrid` is worth.

    python benchmarks/blocks_compared.py ../shared/infrared [--budget 4G-MACs] [--width 16] [--only gate chain]

Every network is a row of one block, as deep as the budget allows, trained by the recipe `full` for `--steps` steps on one
thread. Finished trainings are kept in results/benchmark-blocks/, so the command continues where it was stopped.
Writes results/reference/blocks_compared.md.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from nas.budget import Budget
from nas.cost import HR_SIZE, screening_cost
from nas.evidence.benchmark.build import Build, work_on
from nas.evidence.benchmark.journal import Journal
from nas.evidence.benchmark.table import Row
from nas.evidence.benchmark.training import make_header
from nas.interrupt import StopFlag
from nas.model import RESULTS
from nas.quantities import short
from nas.report.progress import TrainingDisplay
from nas.report.whole import Counted
from nas.search.images import open_for
from nas.training.recipe import load_recipe
from search_spaces import Architecture, Choice
from search_spaces.families.hybrid_seeds import CELLS, point

MOST_REPEATS = 4
SCALE = 2
VALIDATIONS = 6


@dataclass(frozen=True)
class Design:
    """A network of one kind of cell."""

    cell: str
    """As `hybrid_seeds.point` takes it, e.g. `span e2`, without the repeats."""
    others: tuple[tuple[str, Choice], ...] = ()

    @property
    def name(self) -> str:
        """The design in words."""
        return " + ".join([self.cell, *(str(value) for _, value in self.others)])

    def network(self, width: int, count: int) -> Architecture:
        """Return the network of `count` blocks."""
        full, rest = divmod(count, MOST_REPEATS)
        cells = [f"{self.cell} x{MOST_REPEATS}"] * full + [f"{self.cell} x{rest}"] * (rest > 0)
        return Architecture("hybrid", SCALE, 1, point(" | ".join(cells), width=width, **dict(self.others)))


DESIGNS = (
    Design("conv"),
    Design("ecb"),
    Design("residual e2"),
    Design("span e2"),
    Design("esa e2"),
    Design("chain e1"),
    Design("chain e2"),
    Design("gate e2"),
    Design("gate e3"),
    Design("gated e1"),
    Design("gated e2"),
    Design("partial e1"),
    Design("partial e2 k5"),
    Design("lowrank e1"),
    Design("lowrank e2"),
    Design("static e2"),
    Design("safm e2"),
    Design("ecb", (("image_skip", "learned"),)),
    Design("residual e2", (("image_skip", "learned"),)),
    Design("ecb", (("upsampler", "separable"),)),
)


def deepest(design: Design, width: int, limit: float) -> Row:
    """Return the deepest network of a design within the budget."""
    found = None
    for count in range(1, CELLS * MOST_REPEATS + 1):
        network = design.network(width, count)
        cost = screening_cost(network, HR_SIZE)
        if cost.macs > limit:
            break
        name = f"{design.name} x{count}, {width} ch"
        found = Row(architecture=network.to_dict(), name=name, macs=cost.macs, params=cost.params)
    assert found is not None, f"no network of {design.name} fits"
    return found


def rows_of(arguments: argparse.Namespace) -> Iterator[Row]:
    """Yield the networks that are compared."""
    limit = Budget.parse(arguments.budget).limit
    for design in DESIGNS:
        if not arguments.only or design.cell.split()[0] in arguments.only:
            yield deepest(design, arguments.width, limit)


def main() -> None:
    """Train what is missing, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--budget", default="4G-MACs")
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--only", nargs="*")
    arguments = parser.parse_args()
    device = torch.device("cpu")
    torch.set_num_threads(1)
    recipe = load_recipe("full", device, steps=arguments.steps, validations=VALIDATIONS)
    data = open_for(recipe, str(arguments.data), scale=SCALE, device=device)
    recipe = recipe.seeing(data.normalisation)
    folder = RESULTS / "benchmark-blocks"
    header = make_header(data, recipe, device, scale=SCALE, hr_size=HR_SIZE, budgets=(), spaces={})
    rows = {row.network.fingerprint: row for row in [*Journal(folder).rows(), *rows_of(arguments)]}
    Journal(folder).begin(header, {}, list(rows.values()))
    build = Build(folder, tuple(rows.values()), data, recipe, seeds=1, repeated=len(rows))
    missing = len(build.open_trainings())
    with StopFlag() as stop, TrainingDisplay(Counted(missing, "trainings")) as display:
        work_on(build, (device,), display, stop)
    text = markdown(build, header.bicubic[0])
    (RESULTS / "reference" / "blocks_compared.md").write_text(text)
    print(text)


def markdown(build: Build, bicubic: float) -> str:
    """Return the table, the best first."""
    lines = [
        "# Blocks of `hybrid`, a row of each, trained alike",
        "",
        f"Recipe `full`, {build.recipe.steps:,} steps on one thread, one seed; PSNR of whole validation images, where",
        f"bicubic interpolation reaches {bicubic:.2f} dB. MACs for one HR image of 1280x720.",
        "",
        "| network | PSNR dB | after a third of the steps | MACs | params | minutes |",
        "|---|---|---|---|---|---|",
    ]
    trained = [row for row in build.table.rows if row.trained]
    for row in sorted(trained, key=lambda row: -row.trained[0].curve[-1][1]):
        curve = row.trained[0].curve
        third = next(psnr for step, psnr in curve if step >= build.recipe.steps / 3)
        minutes = row.trained[0].training_seconds / 60
        costs = f"{short(row.macs)} | {short(row.params)} | {minutes:.1f}"
        lines.append(f"| {row.name} | {curve[-1][1]:.2f} | {third:.2f} | {costs} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
