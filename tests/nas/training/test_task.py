from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from nas.data.dataset import Dataset
from nas.training.recipe import Recipe
from nas.training.report import Report
from nas.training.task import BriefTask
from nas.training.trainer import TrainingStoppedError
from search_spaces import Architecture

CPU = torch.device("cpu")


def test_it_trains_by_the_recipe_and_says_what_came_of_it(
    data: Dataset, make_recipe: Callable[..., Recipe], network: nn.Module
) -> None:
    result = BriefTask(data, make_recipe(steps=20), 0, CPU).train(network)
    assert result.psnr == result.trained.validation.psnr == result.curve[-1]["psnr"]
    assert set(result.metrics) == {"ssim", "steps", "train_seconds", "validation_seconds"}
    assert (result.metrics["steps"], result.metrics["ssim"]) == (20, result.trained.validation.ssim)
    assert [entry["step"] for entry in result.curve] == [10, 20]


def test_it_passes_checkpoint_listener_and_stop_on(
    data: Dataset, make_recipe: Callable[..., Recipe], network: nn.Module, tmp_path: Path
) -> None:
    reports: list[Report] = []
    checkpoint = tmp_path / "checkpoint.safetensors"
    task = BriefTask(data, make_recipe(), 0, CPU, checkpoint, reports.append, lambda: bool(reports))
    with pytest.raises(TrainingStoppedError):
        task.train(network)
    assert len(reports) == 1
    assert checkpoint.is_file()


def test_a_batch_is_the_same_for_all_candidates(data: Dataset, make_recipe: Callable[..., Recipe]) -> None:
    task = BriefTask(data, make_recipe(patch=16), 4, CPU)
    lr, hr = task.batch(3)
    assert (lr.shape, hr.shape) == ((3, 1, 16, 16), (3, 1, 32, 32))
    assert all(torch.equal(a, b) for a, b in zip(task.batch(3), (lr, hr), strict=True))
    of_another = BriefTask(data, make_recipe(patch=16), 5, CPU).batch(3)
    assert torch.equal(of_another[0], lr)
    of_another_recipe = BriefTask(data, make_recipe(patch=16, seed=1), 4, CPU).batch(3)
    assert not torch.equal(of_another_recipe[0], lr)


def test_taking_a_batch_does_not_disturb_the_training(
    data: Dataset, make_recipe: Callable[..., Recipe], architecture: Architecture
) -> None:
    networks = []
    for batches in (0, 2):
        torch.manual_seed(0)
        networks.append(architecture.build())
        task = BriefTask(data, make_recipe(steps=3), 0, CPU)
        for _ in range(batches):
            task.batch(2)
        task.train(networks[-1])
    first, second = (network.state_dict() for network in networks)
    assert all(torch.equal(first[name], second[name]) for name in first)
