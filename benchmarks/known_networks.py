"""Trains known networks and a found one by the same recipe on the same images, and measures all by one protocol.

    python benchmarks/known_networks.py ../shared/infrared [--found first:11] [--steps 1000]

Writes results/reference/known_networks.json, .md and .png. What is trained already is only measured, so the command
goes on where it was stopped. Without --steps it takes as many as the recipe says for the device.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import yaml
from matplotlib.figure import Figure

from nas.budget import short
from nas.cost import cost
from nas.model import load_model
from nas.report.evaluation_files import evaluation_data
from nas.report.front_picture import draw_picture
from nas.report.front_view import Dot, View
from nas.search.reference import resolve
from nas.search.run import RESULTS
from nas.training.evaluation import Conditions, Evaluation, compare, load_contestant
from nas.training.trainer import pick_device

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


def main() -> None:
    """Train what isn't trained yet, then write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--found", help="RUN:TRIAL of a search, to be trained beside them")
    parser.add_argument("--recipe", default="full")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--to", type=Path, default=RESULTS / "reference")
    arguments = parser.parse_args()
    names = [*NETWORKS, *([arguments.found] if arguments.found else [])]
    train(names, arguments)
    folders = {name: RESULTS / "trained" / resolve(name, SCALE).folder_name for name in names}
    contestants = [load_contestant(name, folder) for name, folder in folders.items()]
    measured = compare(
        contestants, arguments.data / "val", RESULTS / "cache", pick_device(), Conditions(metrics=METRICS)
    )
    rows = [row(name, folders.get(name), measured) for name, _ in measured.rows]
    training = describe(folders[names[0]])
    document = {"training": training, **evaluation_data(measured), "networks": rows}
    (arguments.to / "known_networks.json").write_text(json.dumps(document, indent=2) + "\n")
    (arguments.to / "known_networks.md").write_text(markdown(rows, measured, training))
    picture(rows, training).savefig(arguments.to / "known_networks.png", format="png")
    print(markdown(rows, measured, training))


def train(names: list[str], arguments: argparse.Namespace) -> None:
    """Run `nas train` as a user does: published points by their names, the found network by its architecture."""
    steps = [] if arguments.steps is None else ["--steps", str(arguments.steps)]
    options = ["--recipe", arguments.recipe, "--scale", str(SCALE), "--data", str(arguments.data), *steps]
    subprocess.run([sys.executable, "-m", "nas", "train", *names, *options], check=True)


def row(name: str, folder: Path | None, measured: Evaluation) -> dict[str, object]:
    """Return a network's figures; bicubic interpolation has no folder and no cost."""
    means = dict(next(m for label, m in measured.rows if label == name).means)
    if folder is None:
        return {"network": name, **means}
    model = load_model(folder)
    price = cost(model.architecture)
    minutes = round(model.metrics["train_seconds"] / 60, 1)
    return {"network": name, **means, "macs": price.macs, "params": price.params, "minutes": minutes}


def describe(folder: Path) -> str:
    """Say how a model was trained."""
    recipe = load_model(folder).recipe
    losses = yaml.safe_dump(recipe["losses"], default_flow_style=True).strip()
    return (
        f"recipe '{recipe['name']}', {recipe['steps']} steps of {recipe['batch']} patches, losses {losses}, "
        f"{recipe['precision']}"
    )


def markdown(rows: list[dict[str, object]], measured: Evaluation, training: str) -> str:
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
    for one in sorted(rows, key=lambda one: float(str(one["psnr"]))):
        figures = [f"{one[m.name]:.4f}" if m.unit != "dB" else f"{one[m.name]:.2f}" for m in measured.metrics]
        costs = [short(int(str(one["macs"]))), short(int(str(one["params"]))), one["minutes"]] if "macs" in one else []
        lines.append(f"| {one['network']} | {' | '.join(figures)} | {' | '.join(map(str, costs or ['', '', '']))} |")
    return "\n".join([*lines, "", f"Protocol: {measured.protocol.describe()}.", ""])


def picture(rows: list[dict[str, object]], training: str) -> Figure:
    """Draw PSNR over MACs."""
    dots = [
        Dot(
            str(one["network"]),
            {name: float(str(one[name])) for name in ("psnr", "ssim", "macs", "params")},
            "front" if ":" in str(one["network"]) else "published",
        )
        for one in rows
        if "macs" in one
    ]
    bicubic = float(str(rows[0]["psnr"]))
    title = f"Known networks and a found one, trained alike (x{SCALE})"
    return draw_picture(View(dots, {}, None, bicubic, title, f"whole validation images; {training}"))


if __name__ == "__main__":
    main()
