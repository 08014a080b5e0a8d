"""Measures the speed of trainings side by side on the cores of a CPU, against one training at a time on all cores.

    python benchmarks/side_by_side.py ../shared/infrared [--cores 2] [--turns 5]

In a turn, as many processes as cores train a network each with one thread at the same time; then one process trains it
with a thread a core. Prints the ratio of their patches a second, the median over the turns with its quartiles.
"""

import argparse
import csv
import statistics
import tempfile
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from pathlib import Path

import torch

from nas.data.dataset import Dataset, open_dataset
from nas.model import RESULTS
from nas.parallel.listener import Listener
from nas.parallel.processes import Stop, run_processes
from nas.training.logs import LOG, CsvLog
from nas.training.recipe import Recipe, load_recipe
from nas.training.report import TrainingListener
from nas.training.trainer import TrainingStoppedError, seed_all, train
from search_spaces import Architecture

CPU = torch.device("cpu")
NETWORKS = ("ecbsr/M4C8", "hybrid/Plain-C32M3", "falsr/FALSR-B")


def main() -> None:
    """Measure every network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    parser.add_argument("--cores", type=int, default=torch.get_num_threads())
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--steps", type=int, default=200)
    arguments = parser.parse_args()
    recipe = load_recipe("full", CPU).model_copy(update={"steps": 2 * arguments.steps, "validations": 1})
    data = open_dataset(arguments.data, scale=2, cache=RESULTS / "cache", min_lr_side=recipe.largest_patch)
    for name in arguments.networks:
        cores, ratios = arguments.cores, []
        for _ in range(arguments.turns):
            together = speed(name, data, recipe, arguments.steps, processes=cores, threads=1)
            alone = speed(name, data, recipe, arguments.steps, processes=1, threads=cores)
            ratios.append(together / alone)
        low, median, high = statistics.quantiles(ratios, n=4)
        print(f"{name}: {cores} side by side train {median:.2f} times as much ({low:.2f} to {high:.2f})", flush=True)


def speed(name: str, data: Dataset, recipe: Recipe, steps: int, processes: int, threads: int) -> float:
    """Return the patches a second of all processes together, start-up and validation left out."""
    with tempfile.TemporaryDirectory() as folder:
        logs = [Path(folder) / str(number) / LOG for number in range(processes)]
        works = {str(log): partial(work, name, data, recipe, steps, threads, log) for log in logs}
        failures = run_processes(works, [CPU] * processes, Silent(), lambda: False)
        assert not failures, failures
        return sum(map(median_speed, logs))


def work(
    name: str,
    data: Dataset,
    recipe: Recipe,
    steps: int,
    threads: int,
    log: Path,
    device: torch.device,
    listener: Listener,
    should_stop: Stop,
) -> None:
    """Train for some steps in a process."""
    torch.set_num_threads(threads)
    seed_all(0)
    network, done = Architecture.published(name).build(), iter(range(steps))
    with suppress(TrainingStoppedError):
        train(
            network,
            data,
            recipe,
            seed=0,
            device=device,
            listener=CsvLog(log),
            should_stop=lambda: should_stop() or next(done, None) is None,
        )


def median_speed(log: Path) -> float:
    """Return the median patches a second of a log, the first row left out, in which torch warms up."""
    with log.open(newline="") as file:
        return statistics.median(float(row["patches_per_second"]) for row in list(csv.DictReader(file))[1:])


class Silent:
    """A listener that ignores everything."""

    def training(self, label: str) -> AbstractContextManager[TrainingListener]:
        """Ignore the reports of a training."""
        return nullcontext(lambda report: None)

    def say(self, line: str) -> None:
        """Print nothing."""


if __name__ == "__main__":
    main()
