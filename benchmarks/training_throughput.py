"""Measures the speed of a training, against its limit and against the usual way to feed it.

    python benchmarks/training_throughput.py ../shared/infrared [--threads 1] [--turns 7]

For each network, patches a second of

- ours: the training loop with its log, validation left out;
- the step alone: the same step again and again on the same tensors on the device (on a GPU as a CUDA graph, as the
  loop does), which is the limit;
- files: the same step fed by a `torch.utils.data.DataLoader`, whose worker processes decode and crop PNG files.

They take turns, so that whatever else the machine does meets all three; what is told is the median over the turns, and
of the ratios of one turn also the quartiles. Prints a table and writes results/reference/training_throughput.json.
"""

import argparse
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from throughput_kit.files import Crops, endless, write_pngs
from torch import Tensor, nn
from torch.utils.data import DataLoader

from nas.data.dataset import Dataset, open_dataset
from nas.data.patches import PatchSampler
from nas.model import RESULTS
from nas.quantities import short
from nas.report.tables import table
from nas.training.capture import Captured, CudaGraphs
from nas.training.devices import pick_device
from nas.training.logs import LOG, CsvLog
from nas.training.recipe import Recipe, load_recipe
from nas.training.step import Step
from nas.training.trainer import LOSS_WINDOW, TrainingStoppedError, seed_all, train
from search_spaces import Architecture

NETWORKS = (
    "ecbsr/M4C8", "imdn/IMDN-RTC", "hybrid/Plain-C32M3", "ecbsr/M4C16", "falsr/FALSR-B", "falsr/FALSR-A",
)  # fmt: skip
"""Networks of 10K to 1M parameters."""

WARM_UP = {"cpu": 8, "cuda": LOSS_WINDOW}
"""Steps of each turn before the clock starts: graphs are recorded, and prepared batches of workers are used up."""


def main() -> None:
    """Measure all networks and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    parser.add_argument("--recipe", default="full")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0, help="of the step alone in a turn, about")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that decode files")
    parser.add_argument("--device")
    parser.add_argument("--to", type=Path, default=RESULTS / "reference" / "training_throughput.json")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = pick_device(arguments.device)
    recipe = load_recipe(arguments.recipe, device)
    data = open_dataset(arguments.data, scale=2, cache=RESULTS / "cache", min_lr_side=recipe.largest_patch)
    with tempfile.TemporaryDirectory() as folder:
        write_pngs(data, Path(folder))
        rows = []
        for name in arguments.networks:
            rows.append(Race(name, data, recipe, device, Path(folder), arguments).run())
            print(f"{name}: {rows[-1]['ours_to_step_alone']['median']:.3f} of the step alone", file=sys.stderr)
    found = {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, threads: {arguments.threads}",
        "recipe": recipe.name,
        "batch": recipe.batch,
        "patch": recipe.patch,
        "precision": recipe.precision,
        "turns": arguments.turns,
        "workers": arguments.workers,
        "torch": torch.__version__,
        "networks": rows,
    }
    arguments.to.write_text(json.dumps(found, indent=2) + "\n")
    show(found)


class Race:
    """Three ways to train one network, which take turns."""

    def __init__(
        self, name: str, data: Dataset, recipe: Recipe, device: torch.device, folder: Path, given: argparse.Namespace
    ) -> None:
        self.name, self.data, self.recipe, self.device, self.folder, self.given = (
            name, data, recipe, device, folder, given,
        )  # fmt: skip
        self.warm_up = WARM_UP[device.type]
        self.architecture = Architecture.published(name)
        step = Step(self.network(), recipe, device, scale=2, seed=0)
        self.params = sum(p.numel() for p in step.network.parameters())
        self.step = Captured(step, CudaGraphs(device)) if device.type == "cuda" else step
        sampler = PatchSampler(data.train, recipe.patch, device)
        self.batch = sampler.sample(recipe.batch, torch.Generator().manual_seed(0))
        loader = DataLoader(
            Crops(folder, recipe.patch),
            recipe.batch,
            shuffle=True,
            drop_last=True,
            num_workers=given.workers,
            persistent_workers=given.workers > 0,
            pin_memory=device.type == "cuda",
        )
        self.batches = endless(loader)
        self.fed = Step(self.network(), recipe, device, scale=2, seed=0)

    def network(self) -> nn.Module:
        """Return the network with its first weights."""
        seed_all(0)
        return self.architecture.build()

    def run(self) -> dict[str, Any]:
        """Take all turns and return medians and quartiles."""
        per_second = self.alone(LOSS_WINDOW)
        steps = max(1, round(self.given.seconds * per_second / LOSS_WINDOW)) * LOSS_WINDOW
        turns = [(self.ours(steps), self.alone(steps), self.from_files(steps)) for _ in range(self.given.turns)]
        ours, alone, files = ([turn[i] * self.recipe.batch for turn in turns] for i in range(3))
        return {
            "network": self.name,
            "params": self.params,
            "steps_a_turn": steps,
            "patches_per_second": {
                "ours": round(statistics.median(ours), 1),
                "step_alone": round(statistics.median(alone), 1),
                "files": round(statistics.median(files), 1),
            },
            "ours_to_step_alone": quartiles(a / b for a, b in zip(ours, alone, strict=True)),
            "ours_to_files": quartiles(a / b for a, b in zip(ours, files, strict=True)),
        }

    def ours(self, steps: int) -> float:
        """Return steps a second of the training loop."""
        times: list[float] = []

        def watch() -> bool:
            """Look at the clock before each step."""
            if len(times) in (self.warm_up, self.warm_up + steps):
                self.wait()
            times.append(time.perf_counter())
            return len(times) > self.warm_up + steps

        log = CsvLog(self.folder / LOG)
        recipe = self.recipe.model_copy(update={"steps": 2 * (self.warm_up + steps), "validations": 1})
        with contextlib.suppress(TrainingStoppedError):
            train(self.network(), self.data, recipe, seed=0, device=self.device, listener=log, should_stop=watch)
        return steps / (times[-1] - times[self.warm_up])

    def alone(self, steps: int) -> float:
        """Return steps a second on tensors that stay the same."""
        return self.clock(steps, lambda: self.step(*self.batch))

    def from_files(self, steps: int) -> float:
        """Return steps a second of a loop over decoded files."""

        def step() -> Tensor:
            lr, hr = next(self.batches)
            return self.fed(lr.to(self.device, non_blocking=True), hr.to(self.device, non_blocking=True))

        return self.clock(steps, step)

    def clock(self, steps: int, step: Callable[[], Tensor]) -> float:
        """Return steps a second; like the loop, look at the loss once in `LOSS_WINDOW` steps."""
        for _ in range(self.warm_up):
            step()
        self.wait()
        started = time.perf_counter()
        for _ in range(steps // LOSS_WINDOW):
            window = [step() for _ in range(LOSS_WINDOW)]
            torch.stack(window).mean(0).tolist()
        self.wait()
        return steps / (time.perf_counter() - started)

    def wait(self) -> None:
        """Wait until the device has finished its work."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def quartiles(ratios: Iterator[float]) -> dict[str, float]:
    """Return the median and the quartiles."""
    values = list(ratios)
    low, median, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
    return {"median": round(median, 3), "from": round(low, 3), "to": round(high, 3)}


def show(found: dict[str, Any]) -> None:
    """Print the table."""
    title = f"Patches a second on {found['device']}, recipe '{found['recipe']}' in {found['precision']}"
    shown = table(title, "network", "params", "ours", "step alone", "files", "ours/step alone", "ours/files")
    for row in found["networks"]:
        speeds = [f"{row['patches_per_second'][way]:.0f}" for way in ("ours", "step_alone", "files")]
        ratios = [
            f"{row[name]['median']:.2f} ({row[name]['from']:.2f} to {row[name]['to']:.2f})"
            for name in ("ours_to_step_alone", "ours_to_files")
        ]
        shown.add_row(row["network"], short(row["params"]), *speeds, *ratios)
    Console(width=120).print(shown)


if __name__ == "__main__":
    main()
