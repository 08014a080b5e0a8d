"""Compares cheap predictions of a child's quality: 50 steps from its parent's weights, or 100 steps from nothing.

    python benchmarks/inherited_weights.py ../shared/infrared [--parents 10] [--children 6]

Parents are seeds of `hybrid` from 1.25G to 5G MACs, children their mutations as the sampler `local` makes them. The
truth of a child is its PSNR after 900 steps from nothing. Everything is trained on one thread; the command continues
where it was stopped. Writes results/reference/inherited_weights.md: Kendall's tau with the truth at equal cost.
"""

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from inheritance_kit.pairs import Pair, pairs, parents, problem
from inheritance_kit.weights import inherit
from rich.console import Console
from scipy.stats import rankdata
from tables_kit.trained_alike import SCALE, row_of, train_alike
from torch import nn

from nas.budget import Budget
from nas.data.dataset import Dataset
from nas.evidence.statistics import Numbers, banded_taus, cost_bands, draws, interval, taus
from nas.files import make_folder
from nas.model import RESULTS
from nas.quantities import short
from nas.search.images import open_for
from nas.table import Row
from nas.training.recipe import Recipe, load_recipe
from nas.training.trainer import seed_all, train
from nas.training.validation import validate
from nas.weights import read_tensors, write_tensors
from search_spaces import Architecture

LABEL = "inherited-weights"
FOLDER = RESULTS / f"benchmark-{LABEL}"
BUDGET = "5G-MACs"
STEPS, VALIDATIONS, EMA = 900, 9, 0.98
TRUTH = {"ema": EMA, "warmup": 0.125, "learning_rate": 2e-3}
"""What the trainings from nothing, 900 steps of `brief`, change; later changes of `brief` do not concern them."""
SHORT_STEPS, SHORT_EMA, SHORT_WARMUP = 50, 0.9, 0.1
RATES = (2e-3, 5e-4)
"""The peak learning rates of the short trainings from inherited weights; that of `brief`, and a quarter of it."""
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Inherited:
    """The short training of a child from its parent's weights, PSNR in dB."""

    child: str
    """The fingerprint of the child."""
    rate: float
    parent: float
    """The parent after its full brief training."""
    untrained: float
    """The child with the inherited weights, before the first step."""
    trained: float
    """The child after the short training."""
    seconds: float
    """CPU seconds of the steps."""


def trained_parent(network: Architecture, data: Dataset, recipe: Recipe) -> nn.Module:
    """Return the trained network of a parent, and train it if its weights are not in the folder yet."""
    path = FOLDER / f"{network.fingerprint}.safetensors"
    seed_all(network.seed)
    parent = network.build()
    if not path.is_file():
        trained = train(parent, data, recipe, seed=network.seed, device=CPU)
        make_folder(FOLDER)
        write_tensors(path, parent.state_dict(), {"psnr": f"{trained.validation.psnr:.4f}"})
    parent.load_state_dict(read_tensors(path)[0])
    return parent


def psnr_of(network: nn.Module, data: Dataset, recipe: Recipe) -> float:
    """Return the validation PSNR of a network as its training measures it."""
    return validate(network, data.validation, recipe.validation_crop, CPU, with_ssim=False).psnr


def short_trainings(every: Sequence[Pair], data: Dataset, recipe: Recipe) -> Iterator[Inherited]:
    """Yield the short trainings of all children, those in the folder's journal first."""
    journal = FOLDER / "inherited.jsonl"
    done: set[tuple[str, float]] = set()
    for line in journal.read_text().splitlines() if journal.is_file() else ():
        found = Inherited(**json.loads(line))
        done.add((found.child, found.rate))
        yield found
    for pair in every:
        left = [rate for rate in RATES if (pair.child.fingerprint, rate) not in done]
        parent = trained_parent(pair.parent, data, recipe) if left else nn.Identity()
        for rate in left:
            found = short_training(pair, parent, rate, data, recipe)
            with journal.open("a") as file:
                file.write(json.dumps(asdict(found)) + "\n")
            yield found


def short_training(pair: Pair, parent: nn.Module, rate: float, data: Dataset, recipe: Recipe) -> Inherited:
    """Train a child for `SHORT_STEPS` from the weights of its trained parent."""
    fields = {"steps": SHORT_STEPS, "ema": SHORT_EMA, "warmup": SHORT_WARMUP, "learning_rate": rate, "validations": 1}
    seed_all(pair.child.seed)
    child = pair.child.build()
    inherit(child, pair.child, parent, pair.parent)
    untrained, began = psnr_of(child, data, recipe), time.process_time()
    trained = train(child, data, recipe.model_copy(update=fields), seed=pair.child.seed, device=CPU)
    wall = trained.train_seconds + trained.validation_seconds
    seconds = (time.process_time() - began) * trained.train_seconds / wall
    Console().print(f"{pair.name}, rate {rate:g}: {untrained:.2f} dB, after the steps {trained.validation.psnr:.2f} dB")
    of = psnr_of(parent, data, recipe)
    return Inherited(pair.child.fingerprint, rate, of, untrained, trained.validation.psnr, round(seconds, 2))


def ranks(*values: Numbers) -> Numbers:
    """Return the mean of the ranks by several predictions, [N]."""
    return np.mean([rankdata(each) for each in values], axis=0)


def predictions(rows: Sequence[Row], short_ones: Mapping[tuple[str, float], Inherited]) -> dict[str, Numbers]:
    """Return what each way to predict says of each child, [N], by its name in the table."""
    macs = np.array([row.macs for row in rows], dtype=np.float64)
    first = np.array([row.trained[0].curve[0][1] for row in rows])
    third = np.array([row.trained[0].curve[2][1] for row in rows])
    found = {"MACs alone": macs, "100 steps from nothing": first, "300 steps from nothing": third}
    found["100 steps from nothing, and MACs"] = ranks(first, macs)
    for rate in RATES:
        of = [short_ones[row.network.fingerprint, rate] for row in rows]
        name, after = f"{SHORT_STEPS} inherited steps at {rate:g}", np.array([each.trained for each in of])
        found[name] = after
        found[f"{name}, gain over the parent"] = after - np.array([each.parent for each in of])
        found[f"{name}, and 100 steps from nothing"] = ranks(after, first)
        found[f"{name}, and MACs"] = ranks(after, macs)
        found[f"{name}, 100 steps from nothing, and MACs"] = ranks(after, first, macs)
    of = [short_ones[row.network.fingerprint, RATES[0]] for row in rows]
    found["the parent's PSNR"] = np.array([each.parent for each in of])
    found["inherited, no step"] = np.array([each.untrained for each in of])
    return found


def markdown(every: Sequence[Pair], rows: Sequence[Row], short_ones: Mapping[tuple[str, float], Inherited]) -> str:
    """Return the table of taus."""
    truth = np.array([row.trained[0].curve[-1][1] for row in rows])
    bands = cost_bands(np.array([row.macs for row in rows], dtype=np.float64))
    of = {pair.child.fingerprint: pair.parent.fingerprint for pair in every}
    siblings = np.unique([of[row.network.fingerprint] for row in rows], return_inverse=True)[1]
    everyone, resampled = np.arange(len(rows))[None], draws(len(rows))
    seconds = np.mean([each.seconds for each in short_ones.values()])
    hundred = np.mean([row.trained[0].training_seconds for row in rows]) * 100 / STEPS
    costs = [row.macs for row in rows]
    lines = [
        "# Inherited weights as a screen",
        "",
        f"{len(rows)} mutations of {len(set(of.values()))} trained seeds of `hybrid`, {short(min(costs))} to",
        f"{short(max(costs))} MACs, by their PSNR after {STEPS} steps from nothing (`brief` at 0.002, EMA {EMA}, one",
        f"seed; standard deviation {truth.std():.2f} dB). Kendall's tau over all, at equal cost (four bands) with its",
        f"95 % interval by bootstrap, and among the children of a parent. {SHORT_STEPS} inherited steps take",
        f"{seconds:.1f} CPU seconds on average, 100 steps from nothing {hundred:.1f}.",
        "",
        "| prediction | all | equal cost | 95 % | siblings |",
        "|---|---|---|---|---|",
    ]
    for name, values in predictions(rows, short_ones).items():
        low, high = interval(banded_taus(values, truth, bands, resampled))
        figures = taus(values, truth, everyone)[0], banded_taus(values, truth, bands, everyone)[0]
        among = banded_taus(values, truth, siblings, everyone)[0]
        lines.append(f"| {name} | {figures[0]:.2f} | {figures[1]:.2f} | {low:.2f} to {high:.2f} | {among:.2f} |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Train what is missing, then write the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--budget", default=BUDGET)
    parser.add_argument("--parents", type=int, default=10)
    parser.add_argument("--children", type=int, default=6)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    recipe = load_recipe("brief", CPU, steps=STEPS, validations=VALIDATIONS, **TRUTH)
    data = open_for(recipe, str(arguments.data), scale=SCALE, device=CPU)
    recipe = recipe.seeing(data.normalisation)
    asked = problem(Budget.parse(arguments.budget))
    every = list(pairs(asked, parents(asked, arguments.parents), arguments.children))
    short_ones = {(each.child, each.rate): each for each in short_trainings(every, data, recipe)}
    rows = [row_of(pair.name, pair.child) for pair in every]
    table = train_alike(rows, arguments.data, LABEL, "brief", STEPS, VALIDATIONS, **TRUTH)
    asked_for = {pair.child.fingerprint for pair in every}
    trained = [row for row in table.trained if row.network.fingerprint in asked_for]
    text = markdown(every, trained, short_ones)
    (RESULTS / "reference" / "inherited_weights.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
