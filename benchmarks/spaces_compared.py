"""Searches several spaces alike and draws their fronts on one plot: which space is worth searching on these images?

    python benchmarks/spaces_compared.py ../shared/infrared [--spaces falsr hybrid] [--seeds 2] [--trials 14]

Every search has the same number of trained candidates, the same brief recipe and the same budget; a seed decides the
sampler's draws and the trainings. Writes results/reference/spaces_compared.json and .png. Searches that are finished
already are only read, so the command goes on where it was stopped.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import yaml
from matplotlib.axes import Axes

from nas.model import RESULTS
from nas.report.front_files import summarise
from nas.search.front import pareto_front
from nas.search.run import Run, open_run

COLOURS = ("#1f5fa8", "#d1550f", "#3d8b40", "#7a4fa3")


def main() -> None:
    """Run the missing searches, then write the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--spaces", nargs="+", default=["falsr", "hybrid"])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--trials", type=int, default=14)
    parser.add_argument("--budget", default="100G-MACs")
    parser.add_argument("--to", type=Path, default=RESULTS / "reference")
    arguments = parser.parse_args()
    runs = {
        (space, seed): _search(space, seed, arguments) for seed in range(arguments.seeds) for space in arguments.spaces
    }
    compared = {f"{space}, seed {seed}": _figures(run) for (space, seed), run in runs.items()}
    (arguments.to / "spaces_compared.json").write_text(json.dumps(compared, indent=2) + "\n")
    draw(runs, arguments.to / "spaces_compared.png")
    for name, figures in compared.items():
        print(f"{name}: hypervolume {figures['hypervolume_dB_octaves']} dB·octaves, best {figures['best_psnr_dB']} dB")


def _search(space: str, seed: int, arguments: argparse.Namespace) -> Run:
    name = f"compared-{space}-{seed}"
    recipe = RESULTS / "cache" / f"brief-seed-{seed}.yaml"
    recipe.parent.mkdir(parents=True, exist_ok=True)
    recipe.write_text(yaml.safe_dump({"base": "brief", "seed": seed}))
    command = ["search", "--budget", arguments.budget, "--data", str(arguments.data), "--space", space, "--run", name]
    command += ["--trials", str(arguments.trials), "--seed", str(seed), "--recipe", str(recipe)]
    command += ["--no-rungs", "--sampler", "tpe"]  # every candidate is trained whole: only the spaces differ
    subprocess.run([sys.executable, "-m", "nas", *command], check=True)
    return open_run(name)


def _figures(run: Run) -> dict[str, object]:
    summary = summarise(run.snapshot())
    front = pareto_front(run.candidates(), run.settings.objectives)
    return {
        "trained": summary["trained"],
        "recipe_steps": run.settings.recipe.steps,
        "minutes": round(sum(c.seconds for c in run.candidates()) / 60, 1),
        "bicubic_psnr_dB": round(run.bicubic[0], 3),
        "hypervolume_dB_octaves": round(float(str(summary["hypervolume"])), 2),
        "hypervolume_reference": summary["hypervolume_reference"],
        "best_psnr_dB": round(max(c.psnr for c in front), 3),
        "front": [
            {"network": c.label, "psnr_dB": round(c.psnr, 3), "macs_G": round(c.macs / 1e9, 2), "params": c.params}
            for c in front
        ],
        "protocol": summary["protocol"],
    }


def draw(runs: dict[tuple[str, int], Run], path: Path) -> None:
    """Draw the candidates of each run as dots and its front as a line, with a colour per space and a dash per seed."""
    figure, axes = plt.subplots(figsize=(9, 5.5), layout="constrained")
    spaces = list(dict.fromkeys(space for space, _ in runs))
    for (space, seed), run in runs.items():
        _draw_run(axes, run, f"{space}, seed {seed}", COLOURS[spaces.index(space)], ("-", "--", ":")[seed % 3])
    first = next(iter(runs.values()))
    axes.set_xscale("log")
    axes.set_xlabel("MACs for a 1280x720 HR image, in G")
    axes.set_ylabel(f"PSNR after {first.settings.recipe.steps} steps, in dB (bicubic: {first.bicubic[0]:.2f})")
    axes.set_title(f"Searches of {first.settings.trials} candidates each, within {', '.join(first.settings.budgets)}")
    axes.grid(alpha=0.3, which="both")
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=110)


def _draw_run(axes: Axes, run: Run, label: str, colour: str, dash: str) -> None:
    candidates = run.candidates()
    front = pareto_front(candidates, run.settings.objectives)
    axes.scatter([c.macs / 1e9 for c in candidates], [c.psnr for c in candidates], s=14, color=colour, alpha=0.35)
    axes.plot([c.macs / 1e9 for c in front], [c.psnr for c in front], dash, color=colour, marker="o", label=label)


if __name__ == "__main__":
    main()
