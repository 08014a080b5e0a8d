"""Measures the gain over hand-made of searches by several seeds, after full training.

    python benchmarks/gain_over_hand_made.py ../shared/infrared [--budget 10G-MACs] [--seeds 3] [--time 20m] [--orders]

For each seed: a search of `--time` on this machine, then full training of four networks of its range for `--steps`
steps. Then every published network in the range is trained alike, once for all seeds. With `--orders` these are trained
by the brief recipe of the first search, too, to compare their orders. Everything is kept in results/, so the command
continues where it was stopped. Writes results/reference/gain_over_hand_made_BUDGET.json and .md.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import kendalltau

from nas.evidence.hand_made import HandMade, fully_trained
from nas.gain import Gain
from nas.model import RESULTS, TRAINED, load_model
from nas.search.history import history
from nas.search.run import Run, open_run

TOP = 4
BEST = 12
"""Number of the best published networks whose order is compared."""


def main() -> None:
    """Search, train and compare what is missing, then write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--budget", default="10G-MACs")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--time", default="20m")
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--orders", action="store_true")
    arguments = parser.parse_args()
    runs = [searched(seed, arguments) for seed in range(arguments.seeds)]
    nas("hand-made", runs[0], "--full", "--jobs", "2")
    if arguments.orders:
        nas("hand-made", runs[0], "--jobs", "2")
    figures = [measure(open_run(name)) for name in runs]
    reference = RESULTS / "reference"
    conditions = {"budget": arguments.budget, "time": arguments.time, "steps": arguments.steps}
    published = orders_of_published(open_run(runs[0]))
    document = {"conditions": conditions, "published": published, "runs": figures}
    name = f"gain_over_hand_made_{arguments.budget}"
    (reference / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n")
    text = markdown(figures, published, conditions)
    (reference / f"{name}.md").write_text(text)
    print(text)


def nas(*words: str) -> None:
    """Run a command as a user does."""
    subprocess.run([sys.executable, "-m", "nas", *words], check=True)


def searched(seed: int, arguments: argparse.Namespace) -> str:
    """Search by one seed and train the best networks of its range fully; return the name of the run."""
    name = f"gain-{arguments.budget}-{seed}"
    if not (RESULTS / name / "front" / "front.json").is_file():
        options = ["--budget", arguments.budget, "--data", str(arguments.data), "--seed", str(seed), "--jobs", "2"]
        nas("search", *options, "--time", arguments.time, "--run", name)
        nas("front", name)
    nas("train", name, "--top", str(TOP), "--steps", str(arguments.steps))
    return name


def measure(run: Run) -> dict[str, Any]:
    """Return the gain of a run after full training, where its networks come from, and how early their order showed."""
    (group,) = fully_trained(run.folder, run.settings)
    gain = HandMade.fully(run).gain(group.networks)
    assert gain is not None
    trials = {c.architecture.fingerprint: c for c in run.candidates()}
    brief, full, origins = [], [], []
    for folder in sorted((run.folder / TRAINED).iterdir()):
        if (folder / "metrics.json").is_file():
            model = load_model(folder)
            candidate = trials[model.architecture.fingerprint]
            brief.append(candidate.psnr)
            full.append(model.metrics["psnr"])
            origins.append("published" if candidate.published else "seed" if candidate.seed else "found")
    tau = kendalltau(brief, full).statistic
    orders = {str(steps): round(order, 2) for steps, order in orders_on_rungs(run).items()}
    return {"run": run.settings.run, **as_data(gain), "origins": origins, "tau": float(tau), "orders": orders}


def orders_on_rungs(run: Run) -> dict[int, float]:
    """Return Kendall's tau between the PSNR on each rung and at the end of the brief training, at equal cost.

    Rung → tau, over the networks that were trained to the end. At equal cost: both figures are the distances from a
    straight line over the logarithm of the multiply-adds.
    """
    last = run.settings.rungs[-1]
    finished = [n for n in history(run.study.get_trials(deepcopy=False)) if last in n.rungs]
    octaves = np.log2([network.costs["macs"] for network in finished])

    def beside_line(rung: int) -> np.ndarray:
        psnr = np.array([network.rungs[rung]["psnr"] for network in finished])
        return psnr - np.polyval(np.polyfit(octaves, psnr, 1), octaves)

    rungs = run.settings.rungs[:-1]
    return {rung: float(kendalltau(beside_line(rung), beside_line(last)).statistic) for rung in rungs}


def orders_of_published(run: Run) -> dict[str, float] | None:
    """Return how well the brief recipe of a run orders the published networks: Kendall's tau with their full training.

    Over all of them, and among the best. None unless all were trained by both recipes.
    """
    brief, full = HandMade.of(run), HandMade.fully(run)
    if not (brief.is_complete and full.is_complete):
        return None
    early, late = (
        {row.network.fingerprint: row.trained[0].curve[-1] for row in some.trained} for some in (brief, full)
    )
    both = sorted(early.keys() & late.keys(), key=lambda fingerprint: -late[fingerprint][1])
    pairs = np.array([(early[fingerprint][1], late[fingerprint][1]) for fingerprint in both])
    figures = {"networks": len(pairs), "steps": early[both[0]][0]}
    taus = {"all": kendalltau(*pairs.T).statistic, "best": kendalltau(*pairs[:BEST].T).statistic}
    return figures | {name: round(float(tau), 2) for name, tau in taus.items()}


def as_data(gain: Gain) -> dict[str, Any]:
    """Return a gain as plain data, rounded."""
    data = asdict(gain) | {"at": {str(share): round(value, 3) for share, value in gain.at.items()}}
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in data.items()}


def markdown(figures: list[dict[str, Any]], published: dict[str, float] | None, conditions: dict[str, Any]) -> str:
    """Return the table."""
    lines = [
        "# Gain over hand-made",
        "",
        f"Searches of {conditions['time']} within {conditions['budget']} on 2 CPU cores, then {TOP} networks of the",
        f"range of each, and every published network in the range, trained for {conditions['steps']:,} steps (recipe",
        "`full`).",
        "",
        "The last column has Kendall's tau between the order on each rung and at the end of the search, at equal cost.",
        "",
        "| run | mean dB | at the budget | smallest | saving of MACs | fully trained networks | order on the rungs |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in figures:
        saving = "" if row["saving"] is None else f"{row['saving']:.0%}"
        origins = ", ".join(f"{row['origins'].count(kind)} {kind}" for kind in dict.fromkeys(row["origins"]))
        gains = f"{row['mean']:+.2f} | {row['at'].get('1.0', float('nan')):+.2f} | {row['least']:+.2f}"
        orders = ", ".join(f"{rung}: {tau:.2f}" for rung, tau in row["orders"].items())
        lines.append(f"| {row['run']} | {gains} | {saving} | {origins} | {orders} |")
    if published:
        shown = {name: f"{figure:,}" for name, figure in published.items()}
        lines += [
            "",
            f"The order of {shown['networks']} published networks after {shown['steps']} steps of `brief` agrees with",
            f"that after full training by a tau of {shown['all']}; that of the {BEST} best by {shown['best']}.",
        ]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
