"""What every registered proxy promises."""

from pathlib import Path

import pytest
import torch

from nas.data.dataset import Dataset, open_dataset
from nas.training.recipe import Recipe
from nas.training.task import BriefTask
from nas.training.trainer import seed_all
from proxies import PROXIES, Proxy, Score
from search_spaces import SPACES, Architecture, UnknownNameError

ARCHITECTURE = Architecture("moremnas", 2, 1, {**SPACES.get("moremnas").smallest, "image_skip": True})


@pytest.fixture
def data(tiny_data: Path, tmp_path: Path) -> Dataset:
    return open_dataset(tiny_data, scale=2, cache=tmp_path / "cache", min_lr_side=12)


@pytest.fixture
def task(data: Dataset) -> BriefTask:
    torch.set_num_threads(1)
    fields = {"name": "tiny", "steps": 10, "batch": 2, "patch": 12, "learning_rate": 1e-3, "precision": "float32"}
    return BriefTask(data, Recipe.model_validate(fields), seed=3, device=torch.device("cpu"))


def scored(proxy: Proxy, task: BriefTask) -> Score:
    seed_all(7)
    return proxy.score(ARCHITECTURE.build(), task)


every = pytest.mark.parametrize("proxy", list(PROXIES), ids=lambda proxy: proxy.name)


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
