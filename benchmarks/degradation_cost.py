"""Measures the time of degrading patches during a training, as a share of the step of a small network.

    python benchmarks/degradation_cost.py [--threads 1]

Prints one JSON object: milliseconds of a step on ready patches and of drawing patches, and shares of that step. Batch 8
of 32 x 32 LR pixels at x2 of synthetic scenes, MoreMNAS-C (25K parameters). All are measured by turns, so that a busy
machine slows all of them.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import mean

import torch
from torch.nn import functional as F

from nas.data.dataset import open_dataset
from nas.data.degradation import DEGRADATIONS, Pipeline
from nas.data.patches import PatchSampler
from nas.model import RESULTS
from nas.training.devices import pick_device
from nas.training.recipe import fast_bfloat16
from search_spaces import Architecture

NETWORK, BATCH, PATCH, SCALE, ROUNDS = "moremnas/MoreMNAS-C", 8, 32, 2, 60


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    torch.set_num_threads(parser.parse_args().threads)
    device = pick_device()
    images = open_dataset(None, scale=SCALE, cache=RESULTS / "cache").train
    generator = torch.Generator().manual_seed(0)
    precisions = {"float32": torch.float32} | ({"bfloat16": torch.bfloat16} if fast_bfloat16(device) else {})
    steps = {f"step in {name}": training_step(device, dtype) for name, dtype in precisions.items()}
    draws: dict[str, Callable[[], object]] = {}
    for name, each in DEGRADATIONS.items():
        afresh = each if isinstance(each, Pipeline) and each.is_random else None
        sampler = PatchSampler(replace(images, afresh=afresh), PATCH, device)
        draws[name] = lambda sampler=sampler: sampler.sample(BATCH, generator)
    taken = by_turns({**steps, **draws}, device)
    added = {name: taken[name] - taken["bicubic"] for name in draws if name != "bicubic"}
    shares = {step: {name: round(more / taken[step], 3) for name, more in added.items()} for step in steps}
    print(json.dumps({"milliseconds": {name: round(ms, 2) for name, ms in taken.items()}, "added": shares}, indent=2))


def training_step(device: torch.device, dtype: torch.dtype) -> Callable[[], None]:
    """Return one step of a training as a function: forward, backward, optimiser."""
    torch.manual_seed(0)
    network = Architecture.published(NETWORK, SCALE, 1).build().to(device, memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(network.parameters())
    lr, hr = torch.rand(BATCH, 1, PATCH, PATCH), torch.rand(BATCH, 1, SCALE * PATCH, SCALE * PATCH)
    lr, hr = lr.to(device, memory_format=torch.channels_last), hr.to(device)

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=dtype is torch.bfloat16):
            sr = network(lr)
        optimiser.zero_grad(set_to_none=True)
        F.l1_loss(sr.float(), hr).backward()
        optimiser.step()

    return step


def by_turns(tasks: dict[str, Callable[[], object]], device: torch.device) -> dict[str, float]:
    """Return the mean milliseconds of each task without its slowest tenth."""
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(ROUNDS):
        for name, task in tasks.items():
            started = time.perf_counter()
            task()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            times[name].append(1000 * (time.perf_counter() - started))
    return {name: mean(sorted(each)[: ROUNDS * 9 // 10]) for name, each in times.items()}


if __name__ == "__main__":
    main()
