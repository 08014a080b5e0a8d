"""What every registered proxy promises."""

import math
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from nas.data.dataset import Dataset, open_dataset
from nas.training.recipe import Recipe
from nas.training.task import BriefTask
from nas.training.trainer import seed_all
from proxies import PROXIES, Proxy, Score
from search_spaces import SPACES, Architecture, Choice, UnknownNameError
from search_spaces.layers.fused import fused

ARCHITECTURE = Architecture("moremnas", 2, 1, {**SPACES.get("moremnas").smallest, "image_skip": True})


RECIPE = {"name": "tiny", "steps": 10, "batch": 2, "patch": 12, "learning_rate": 1e-3, "precision": "float32"}


@pytest.fixture
def data(tiny_data: Path, tmp_path: Path) -> Dataset:
    return open_dataset(tiny_data, scale=2, cache=tmp_path / "cache", min_lr_side=12)


@pytest.fixture
def task(data: Dataset) -> BriefTask:
    torch.set_num_threads(1)
    return BriefTask(data, Recipe.model_validate(RECIPE), seed=3, device=torch.device("cpu"))


@pytest.fixture(scope="module")
def shared_task(shared_tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> BriefTask:
    data = open_dataset(shared_tiny_data, scale=2, cache=tmp_path_factory.mktemp("cache"), min_lr_side=12)
    return BriefTask(data, Recipe.model_validate(RECIPE), seed=3, device=torch.device("cpu"))


def scored(proxy: Proxy, task: BriefTask) -> Score:
    seed_all(7)
    return proxy.score(ARCHITECTURE.build(), task)


every = pytest.mark.parametrize("proxy", list(PROXIES), ids=lambda proxy: proxy.name)
UNTRAINED = [proxy for proxy in PROXIES if not proxy.trains]
without_training = pytest.mark.parametrize("proxy", UNTRAINED, ids=lambda proxy: proxy.name)
FAMILIES = {
    **{f"hybrid/{name}": dict(point.choices) for name, point in SPACES.get("hybrid").published.items()},
    **{
        f"{space}/the smallest": {**SPACES.get(space).smallest, **SPACES.get(space).pinned}
        for space in ("ecbsr", "falsr", "drrn", "swinir", "safmn", "pan", "carn", "irsrmamba", "smfanet")
    },
}
"""Convolutions, branches that fuse, recursion, attention, gates, scans and normalisation."""


def built(name: str, choices: Mapping[str, Choice]) -> torch.nn.Module:
    space = name.partition("/")[0]
    torch.manual_seed(5)
    return Architecture(space, 2, 1, choices).build()


@every
def test_a_score_is_a_finite_number_of_something(proxy: Proxy, task: BriefTask) -> None:
    score = scored(proxy, task)
    assert torch.tensor(score.value).isfinite()
    assert score.unit


@every
def test_the_seeds_decide_the_score(proxy: Proxy, task: BriefTask) -> None:
    first, second = scored(proxy, task), scored(proxy, task)
    assert first.value == second.value
    assert [dict(entry) for entry in first.curve] == [dict(entry) for entry in second.curve]


@every
def test_what_else_was_measured_is_named_numbers(proxy: Proxy, task: BriefTask) -> None:
    score = scored(proxy, task)
    assert all(isinstance(name, str) and float(value) == value for name, value in score.metrics.items())
    assert all({"step", "psnr"} <= set(entry) for entry in score.curve)


@every
def test_a_proxy_is_found_by_its_name(proxy: Proxy) -> None:
    assert PROXIES.get(proxy.name) is proxy


def test_an_unknown_proxy_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="no proxy named 'breif'; did you mean 'brief'"):
        PROXIES.get("breif")


@without_training
@pytest.mark.parametrize("name", FAMILIES)
def test_a_network_of_any_family_has_a_score(proxy: Proxy, name: str, shared_task: BriefTask) -> None:
    assert math.isfinite(proxy.score(built(name, FAMILIES[name]), shared_task).value)


@without_training
def test_without_training_a_network_stays_as_it_is(proxy: Proxy, task: BriefTask) -> None:
    network = built("hybrid/RFDN-like", FAMILIES["hybrid/RFDN-like"])
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    torch.manual_seed(3)
    proxy.score(network, task)
    drawn = torch.rand(4)
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(4)), "it drew from the generator that others draw from"
    assert network.training
    assert all(parameter.grad is None for parameter in network.parameters())
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert list(before) == list(network.state_dict()), "it fused the network itself"


@without_training
def test_networks_differ_in_their_scores(proxy: Proxy, task: BriefTask) -> None:
    points = [name for name in FAMILIES if name.startswith("hybrid/")]
    scores = {proxy.score(built(name, FAMILIES[name]), task).value for name in points}
    assert len(scores) == len(points)


@without_training
def test_a_layer_counts_once_however_many_branches_it_trains_with(proxy: Proxy, task: BriefTask) -> None:
    network = Architecture.published("ecbsr/M4C16").build()
    assert fused(network) is not network
    assert proxy.score(network, task).value == pytest.approx(proxy.score(fused(network), task).value, rel=1e-6)
