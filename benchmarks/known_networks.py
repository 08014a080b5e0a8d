"""Trains known networks and a found one by the same recipe on the same images, and measures all by one protocol.

    python benchmarks/known_networks.py ../shared/infrared [--found first:11] [--steps 1000]

Writes results/reference/known_networks.json, .md and .png. What is trained already is only measured, so the command
goes on where it was stopped. Without --steps it takes as many as the recipe says for the device.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from matplotlib.figure import Figure

from nas.cost import Cost, cost
from nas.evaluation.comparison import Evaluation, compare
from nas.evaluation.conditions import Conditions
from nas.evaluation.contestant import load_contestant
from nas.jobs.naming import resolve
from nas.model import RESULTS, TRAINED, load_model
from nas.quantities import short
from nas.report.evaluation_files import evaluation_data
from nas.report.front_picture import draw_picture
from nas.report.front_view import Dot, View
from nas.training.devices import pick_device

NETWORKS = (
    "ecbsr/M4C16",
    "imdn/IMDN-RTC",
    "moremnas/MoreMNAS-C",
    "bsrn/BSRN-S",
    "pan/PAN",
    "falsr/FALSR-B",
    "carn/CARN-M",
)
METRICS = ("psnr", "ssim", "ms-ssim", "psnr-hvs")
SCALE = 2


@dataclass(frozen=True)
class Trained:
    """The costs of a network, and the time of its training."""

    cost: Cost
    minutes: float


@dataclass(frozen=True)
class Row:
    """The figures of one network."""

    network: str
    means: Mapping[str, float]
    """The figures by the names of the metrics."""
    trained: Trained | None
    """None for bicubic interpolation."""

    def to_dict(self) -> dict[str, str | float]:
        """Return plain data, for JSON."""
        figures: dict[str, str | float] = {"network": self.network, **self.means}
        if self.trained:
            figures |= {"macs": self.trained.cost.macs, "params": self.trained.cost.params}
            figures["minutes"] = self.trained.minutes
        return figures


def main() -> None:
    """Train the missing networks, then write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--found", help="RUN:TRIAL of a search, to be trained beside them")
    parser.add_argument("--recipe", default="full")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--to", type=Path, default=RESULTS / "reference")
    arguments = parser.parse_args()
    names = [*NETWORKS, *([arguments.found] if arguments.found else [])]
    train(names, arguments)
    folders = {name: RESULTS / TRAINED / resolve(name, SCALE).folder_name for name in names}
    contestants = [load_contestant(name, folder) for name, folder in folders.items()]
    measured = compare(
        contestants, arguments.data / "val", RESULTS / "cache", pick_device(), Conditions(metrics=METRICS)
    )
    rows = [
        Row(name, found.means, as_trained(folders[name]) if name in folders else None) for name, found in measured.rows
    ]
    training = describe(folders[names[0]])
    document = {"training": training, **evaluation_data(measured), "networks": [row.to_dict() for row in rows]}
    (arguments.to / "known_networks.json").write_text(json.dumps(document, indent=2) + "\n")
    (arguments.to / "known_networks.md").write_text(markdown(rows, measured, training))
    picture(rows, training).savefig(arguments.to / "known_networks.png", format="png")
    print(markdown(rows, measured, training))


def train(names: list[str], arguments: argparse.Namespace) -> None:
    """Run `nas train` as a user does: published points by their names, the found network by its architecture."""
    steps = [] if arguments.steps is None else ["--steps", str(arguments.steps)]
    options = ["--recipe", arguments.recipe, "--scale", str(SCALE), "--data", str(arguments.data), *steps]
    subprocess.run([sys.executable, "-m", "nas", "train", *names, *options], check=True)


def as_trained(folder: Path) -> Trained:
    """Return the costs and the training time of a model directory."""
    model = load_model(folder)
    return Trained(cost(model.architecture), round(model.metrics["train_seconds"] / 60, 1))


def describe(folder: Path) -> str:
    """Return a sentence on the training of a model."""
    recipe = load_model(folder).recipe
    losses = yaml.safe_dump(recipe["losses"], default_flow_style=True).strip()
    return (
        f"recipe '{recipe['name']}', {recipe['steps']} steps of {recipe['batch']} patches, losses {losses}, "
        f"{recipe['precision']}"
    )


def markdown(rows: list[Row], measured: Evaluation, training: str) -> str:
    """Return the table, by increasing PSNR."""
    labels = [f"{metric.label} {metric.unit}".strip() for metric in measured.metrics]
    lines = [
        "# Known networks, trained alike",
        "",
        f"Each trained from nothing, as published: {training}, stages as in the recipe.",
        "MACs for one HR image of 1280x720.",
        "",
        f"| network | {' | '.join(labels)} | MACs | params | minutes |",
        f"|---|{'---|' * (len(labels) + 3)}",
    ]
    for row in sorted(rows, key=lambda row: row.means["psnr"]):
        figures = [f"{row.means[metric.name]:.{2 if metric.unit == 'dB' else 4}f}" for metric in measured.metrics]
        costs = ["", "", ""]
        if training := row.trained:
            costs = [short(training.cost.macs), short(training.cost.params), str(training.minutes)]
        lines.append(f"| {' | '.join([row.network, *figures, *costs])} |")
    return "\n".join([*lines, "", f"Protocol: {measured.protocol.describe()}.", ""])


def picture(rows: list[Row], training: str) -> Figure:
    """Draw PSNR over MACs."""
    dots = [
        Dot(
            row.network,
            {"psnr": row.means["psnr"], "macs": row.trained.cost.macs, "params": row.trained.cost.params},
            "front" if ":" in row.network else "published",
        )
        for row in rows
        if row.trained
    ]
    bicubic = next(row.means["psnr"] for row in rows if row.trained is None)
    title = f"Known networks and a found one, trained alike (x{SCALE})"
    return draw_picture(View(dots, {}, None, bicubic, title, f"whole validation images; {training}"))


if __name__ == "__main__":
    main()
