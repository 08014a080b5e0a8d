"""Trains in forked processes that are killed at random moments: DATA FOLDER EMA PRECISION KILLS; prints the kills.

In the second stage a discriminator learns, too.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
import torch._dynamo  # what the optimiser would import anew in every fork
from safetensors.torch import save_file

from nas.data.dataset import open_dataset
from nas.training import trainer
from nas.training.recipe import Recipe
from search_spaces import SPACES, Architecture


def train(data: Path, folder: Path, name: str, recipe: Recipe) -> None:
    dataset = open_dataset(data, scale=2, cache=folder / "cache", min_lr_side=12)
    trainer.seed_all(0)
    network = Architecture("moremnas", 2, 1, {**SPACES.get("moremnas").smallest, "image_skip": True}).build()
    checkpoint = folder / f"{name}.checkpoint.safetensors"
    trainer.train(network, dataset, recipe, seed=5, device=torch.device("cpu"), checkpoint=checkpoint)
    weights = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    save_file(weights, folder / f"{name}.safetensors")


def main(data: Path, folder: Path, ema: str, precision: str, kills: int) -> None:
    torch.set_num_threads(1)
    trainer.CHECKPOINT_SECONDS = 0.0  # at every look at the loss, so that kills also meet half-written files
    fields = {"name": "tiny", "steps": 120, "batch": 2, "patch": 12, "learning_rate": 1e-3, "validations": 3}
    stages = [{"share": 0.4}, {"share": 0.6, "losses": {"l1": 1.0, "adversarial": 0.1}, "patch": 8}]
    fields |= {"stages": stages, "adversarial": {"width": 4}}
    recipe = Recipe.model_validate({**fields, "ema": float(ema), "precision": precision})

    def start(name: str) -> int:
        if child := os.fork():
            return child
        train(data, folder, name, recipe)
        os._exit(0)

    def ended(child: int) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    assert ended(start("straight")) == 0
    generator, checkpoint = random.Random(0), folder / "killed.checkpoint.safetensors"
    for _ in range(kills):
        before = _written(checkpoint)
        child = start("killed")
        while _written(checkpoint) == before:
            time.sleep(0.001)
        time.sleep(generator.uniform(0, 0.15))
        os.kill(child, signal.SIGKILL)
        print(ended(child))
    assert ended(start("killed")) == 0


def _written(path: Path) -> int:
    return path.stat().st_mtime_ns if path.is_file() else 0


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5]))
