"""Compares optimisers for brief trainings: the PSNR after 300 and 900 steps, and the seconds of a step.

    python benchmarks/optimisers_compared.py ../shared/infrared [--only Muon]

Six networks of `hybrid`, 16 channels wide, are trained by `brief` on one thread with a moving average of 0.98. The
learning rate of each optimiser is the best of three on two of the networks. The command continues where it was stopped.
Schedule-free AdamW needs `pip install schedulefree`. Writes results/reference/optimisers_compared.md.
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from tables_kit.optimisers import OPTIMISERS, averaged
from tables_kit.trained_alike import SCALE

from nas.data.dataset import Dataset
from nas.files import make_folder
from nas.model import RESULTS
from nas.search.images import open_for
from nas.training.group import ALONE
from nas.training.phase_steps import PhaseSteps
from nas.training.recipe import Recipe, load_recipe
from nas.training.step import Step
from nas.training.trainer import seed_all
from nas.training.validation import validate
from search_spaces import Architecture
from search_spaces.families.hybrid_seeds import FAMILIES

CPU = torch.device("cpu")
STEPS, EARLY, EMA, WIDTH = 900, 300, 0.98, 16
DEPTHS = {"plain": 6, "EDSR": 3, "SPANV2": 2, "SESR": 6, "gated": 9, "BSRN": 3}
"""The families of the networks with their numbers of blocks, 2G to 6G MACs."""
TUNED = ("plain", "EDSR")
"""The families whose networks decide the learning rate."""
RATES = (2e-3, 4e-3, 8e-3)


@dataclass(frozen=True)
class Found:
    """A training: PSNR in dB after 300 and 900 steps, and CPU seconds of a step."""

    optimiser: str
    rate: float
    family: str
    early: float
    late: float
    seconds: float


def trained(name: str, rate: float, family: str, data: Dataset, recipe: Recipe) -> Found:
    """Train a network by an optimiser. A schedule-free optimiser has a constant rate and no other average."""
    network = Architecture("hybrid", SCALE, 1, FAMILIES[family].network(WIDTH, DEPTHS[family]))
    fields: dict[str, float] = {"learning_rate": rate}
    if name.startswith("schedule-free"):
        fields |= {"final_learning_rate": 1.0, "ema": 0.0}
    recipe = recipe.model_copy(update=fields)
    seed_all(network.seed)
    step = Step(network.build(), recipe, CPU, scale=SCALE, seed=network.seed)
    step.optimiser = OPTIMISERS[name](step.network, recipe)
    averaged(step.optimiser, False)
    steps, generator = PhaseSteps(step, data.train, recipe, CPU, ALONE), torch.Generator().manual_seed(network.seed)
    psnr: dict[int, float] = {}
    spent = 0.0
    for i in range(STEPS):
        began = time.process_time()
        steps.make(i, steps.enter_phase(i), generator)
        spent += time.process_time() - began
        if i + 1 in (EARLY, STEPS):
            averaged(step.optimiser, True)
            psnr[i + 1] = validate(step.kept, data.validation, recipe.validation_crop, CPU, with_ssim=False).psnr
            averaged(step.optimiser, False)
    return Found(name, rate, family, psnr[EARLY], psnr[STEPS], spent / STEPS)


class Journal:
    """All trainings so far, kept in the folder of the benchmark."""

    def __init__(self, data: Dataset, recipe: Recipe) -> None:
        self._path = RESULTS / "benchmark-optimisers" / "found.jsonl"
        self._data, self._recipe = data, recipe
        make_folder(self._path.parent)
        lines = self._path.read_text().splitlines() if self._path.is_file() else []
        self._found = {(f.optimiser, f.rate, f.family): f for f in (Found(**json.loads(line)) for line in lines)}

    def of(self, name: str, rate: float, family: str) -> Found:
        """Return a training, made now if it is missing."""
        key = name, rate, family
        if key not in self._found:
            found = self._found[key] = trained(name, rate, family, self._data, self._recipe)
            with self._path.open("a") as file:
                file.write(json.dumps(asdict(found)) + "\n")
            Console().print(f"{name} at {rate:g}, {family}: {found.early:.3f}, {found.late:.3f} dB")
        return self._found[key]

    def known(self, name: str, rate: float, family: str) -> Found | None:
        """Return a training that was made already."""
        return self._found.get((name, rate, family))

    def best_rate(self, name: str) -> float:
        """Return the rate with the highest mean PSNR on the two networks that decide."""
        return max(RATES, key=lambda rate: np.mean([self.of(name, rate, family).late for family in TUNED]))


def row(name: str, rate: float, journal: Journal) -> str:
    """Return the row of an optimiser at a rate: all networks that it trained, and the time of a step of the tuned."""
    found = {family: journal.known(name, rate, family) for family in DEPTHS}
    cells = [f"{f.early:.2f} / {f.late:.2f}" if f else "–" for f in found.values()]
    tuned = [found[family] for family in TUNED]
    milliseconds = 1000 * np.mean([f.seconds for f in tuned if f])
    return f"| {name} | {rate:g} | {' | '.join(cells)} | {milliseconds:.1f} |"


def markdown(names: list[str], journal: Journal) -> str:
    """Return the table of all trainings so far by these optimisers."""
    lines = [
        "# Optimisers for brief trainings",
        "",
        f"Recipe `brief`, {STEPS} steps, EMA {EMA} (schedule-free: constant rate, its own average), one thread, one",
        f"seed. Networks of `hybrid`, {WIDTH} channels: PSNR in dB after {EARLY} / {STEPS} steps. Three rates on",
        f"{' and '.join(TUNED)}, a good one on all; –: not trained. CPU milliseconds of a step on these two, with",
        "other load.",
        "",
        f"| optimiser | rate | {' | '.join(DEPTHS)} | ms a step |",
        "|---|---|" + "---|" * (len(DEPTHS) + 1),
    ]
    for name in names:
        lines += [row(name, rate, journal) for rate in RATES if any(journal.known(name, rate, of) for of in TUNED)]
    return "\n".join([*lines, ""])


def main() -> None:
    """Train what is missing, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="*", default=list(OPTIMISERS))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    recipe = load_recipe("brief", CPU, steps=STEPS, ema=EMA)
    data = open_for(recipe, str(arguments.data), scale=SCALE, device=CPU)
    journal = Journal(data, recipe.seeing(data.normalisation))
    best = {name: journal.best_rate(name) for name in arguments.only}
    for name, rate in best.items():
        for family in DEPTHS:
            journal.of(name, rate, family)
    text = markdown(arguments.only, journal)
    (RESULTS / "reference" / "optimisers_compared.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
