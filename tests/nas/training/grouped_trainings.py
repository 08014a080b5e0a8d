"""What each process of a group does, started by torchrun: DATA FOLDER. FOLDER/<rank> is where a process may write."""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from nas.data.dataset import open_dataset
from nas.errors import InputError
from nas.training import trainer
from nas.training.full import train_fully
from nas.training.group import ALONE, Group, joined_group
from nas.training.recipe import Recipe
from nas.training.trainer import TrainingStoppedError, seed_all
from search_spaces import SPACES, Architecture

CPU = torch.device("cpu")
ARCHITECTURE = Architecture("moremnas", 2, 1, {**SPACES.get("moremnas").smallest, "image_skip": True})
RECIPES = {
    "plain": {"ema": 0.9},
    "adversarial": {"losses": {"l1": 1.0, "adversarial": 0.1}, "adversarial": {"width": 4}},
}
STEPS = 12
WINDOW = 4


def recipe(name: str = "plain", **changed: object) -> Recipe:
    small = {"name": "tiny", "steps": STEPS, "batch": 4, "patch": 12, "learning_rate": 1e-3, "validations": 1}
    return Recipe.model_validate({**small, "precision": "float32", **RECIPES[name], **changed})


def train(
    data: Path,
    folder: Path,
    group: Group = ALONE,
    name: str = "plain",
    checkpoint: str | None = None,
    looks: int | None = None,
) -> nn.Module | None:
    """Train the tiny network; None when it was stopped after it was asked so often whether to."""
    dataset = open_dataset(data, scale=2, cache=folder / "cache", min_lr_side=12)
    seed_all(3 + group.rank)  # the main process's weights count
    network = ARCHITECTURE.build()
    asked = iter(range(looks or STEPS + 1))
    try:
        trainer.train(
            network,
            dataset,
            recipe(name),
            seed=5,
            device=CPU,
            checkpoint=folder / checkpoint if checkpoint else None,
            # Only one process is asked to stop, but all do.
            should_stop=lambda: group.rank == group.size - 1 and next(asked, None) is None,
            group=group,
        )
    except TrainingStoppedError:
        return None
    return network


def save(network: nn.Module | None, path: Path) -> None:
    assert network is not None
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, path)


def main(data: Path, folder: Path) -> None:
    torch.set_num_threads(1)
    trainer.LOSS_WINDOW = WINDOW
    with joined_group() as group:
        own = folder / str(group.rank)
        own.mkdir(exist_ok=True)
        for name in RECIPES:
            save(train(data, own, group, name), own / f"{name}.safetensors")
        # Several processes agree on a stop when they look at the loss: here after eight steps.
        assert train(data, own, group, checkpoint="together.safetensors", looks=2) is None
        save(train(data, own, group, checkpoint="alone.safetensors"), own / "resumed.safetensors")
        dataset = open_dataset(data, scale=2, cache=own / "cache", min_lr_side=12)
        for refused in ({"batch": 3}, {"seed": group.rank}):
            try:
                trainer.train(ARCHITECTURE.build(), dataset, recipe(**refused), seed=5, device=CPU, group=group)
            except InputError as error:
                (own / "refused.txt").open("a").write(f"{error}\n")
        full = train_fully(ARCHITECTURE, dataset, recipe(), own / "model", device=CPU, group=group)
        save(full.network, own / "full.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
