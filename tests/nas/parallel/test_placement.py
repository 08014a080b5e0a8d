"""How many trainings there is room for."""

from pathlib import Path

import pytest
import torch
from torch import nn

from nas.data.dataset import Dataset, open_dataset
from nas.errors import InputError
from nas.parallel.placement import Placement, devices_for, find_placement, training_memory
from nas.training.recipe import Recipe
from search_spaces import Architecture

CPU = torch.device("cpu")
RECIPE = Recipe(name="tiny", steps=1, batch=4, patch=16, learning_rate=1e-3)
NETWORKS = [Architecture.published(name) for name in ("espcn/ESPCN", "fsrcnn/FSRCNN", "srcnn/SRCNN")]


@pytest.fixture
def data(tiny_data: Path, tmp_path: Path) -> Dataset:
    return open_dataset(tiny_data, scale=2, cache=tmp_path / "cache")


@pytest.fixture
def four_cores() -> None:
    torch.set_num_threads(4)


@pytest.mark.usefixtures("four_cores")
@pytest.mark.parametrize(
    ("networks", "jobs", "threads", "expected"),
    [
        (3, None, None, (3, 1)),  # a core each, and none for two
        (2, None, None, (2, 2)),
        (1, None, None, (1, 4)),
        (3, None, 2, (2, 2)),
        (3, None, 8, (1, 8)),
        (3, 1, None, (1, 4)),
        (3, 2, None, (2, 2)),
        (2, 9, None, (2, 2)),
        (3, 3, 4, (3, 4)),
    ],
)
def test_cores_are_shared_out(
    data: Dataset, networks: int, jobs: int | None, threads: int | None, expected: tuple[int, int]
) -> None:
    placement = find_placement(NETWORKS[:networks], RECIPE, data, CPU, jobs, threads)
    assert (len(placement.devices), placement.threads) == expected
    assert set(placement.devices) == {CPU}


def test_several_processes_train_one_network_at_a_time(data: Dataset) -> None:
    placement = find_placement(NETWORKS, RECIPE, data, CPU, processes=2)
    assert (len(placement.devices), placement.threads, placement.processes) == (1, 1, 2)
    assert placement.describe(3) == "Training 3 networks, 1 at a time, by 2 processes with 1 thread each."
    with pytest.raises(InputError, match="--jobs 2 is for one process alone; here 2 train one network together"):
        find_placement(NETWORKS, RECIPE, data, CPU, jobs=2, processes=2)


def test_a_room_is_told_in_a_sentence() -> None:
    assert Placement((CPU, CPU), 1).describe(3) == "Training 3 networks, 2 at a time, on cpu with 1 thread each."
    gpus = (torch.device("cuda:0"), torch.device("cuda:1"))
    assert (
        Placement(gpus, 4).describe(3) == "Training 3 networks, 2 at a time, on cuda:0 and cuda:1 with 4 threads each."
    )
    assert Placement((CPU,), 2).describe(1) == "Training 1 network on cpu with 2 threads."


def test_several_gpus_take_turns_unless_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [str(device) for device in devices_for(torch.device("cuda"), 3)] == ["cuda:0", "cuda:1", "cuda:0"]
    assert [str(device) for device in devices_for(torch.device("cuda:1"), 2)] == ["cuda:1", "cuda:1"]


@pytest.mark.usefixtures("four_cores")
def test_several_gpus_take_a_training_each(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    placement = find_placement(NETWORKS, RECIPE, data, torch.device("cuda"))
    assert ([str(device) for device in placement.devices], placement.threads) == (["cuda:0", "cuda:1"], 2)


@pytest.mark.usefixtures("four_cores")
@pytest.mark.parametrize(("gigabytes", "jobs"), [(80, 3), (1.7, 2), (0.9, 1), (0.1, 1)])
def test_one_gpu_takes_what_fits(data: Dataset, monkeypatch: pytest.MonkeyPatch, gigabytes: float, jobs: int) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (int(gigabytes * 2**30), 80 * 2**30))
    assert len(find_placement(NETWORKS, RECIPE, data, torch.device("cuda")).devices) == jobs


@pytest.mark.parametrize("name", ["espcn/ESPCN", "imdn/IMDN-RTC", "swinir/SwinIR-light"])
def test_the_estimate_covers_what_the_backward_pass_keeps(name: str) -> None:
    architecture = Architecture.published(name)
    recipe = RECIPE.model_copy(update={"batch": 2})
    network = architecture.build().train()
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = network(torch.rand(2, 1, 16, 16))
    weights = count(network)
    estimate = training_memory(architecture, recipe)
    assert sum(kept.values()) <= estimate <= 2 * sum(kept.values()) + 20 * weights
    assert output.requires_grad


def test_the_estimate_grows_with_the_batch_and_the_patch() -> None:
    small, large, wide = (
        training_memory(NETWORKS[0], RECIPE.model_copy(update=change)) for change in ({}, {"batch": 8}, {"patch": 32})
    )
    weights = 20 * count(NETWORKS[0].build())
    assert large - weights == pytest.approx(2 * (small - weights), rel=0.01)
    assert wide - weights == pytest.approx(4 * (small - weights), rel=0.01)


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
