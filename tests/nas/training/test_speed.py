"""The speed of a training, measured before it begins."""

import itertools
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from searches import SPACES
from torch import nn

from nas.data.dataset import Dataset
from nas.data.image_set import ImageSet
from nas.training import speed
from nas.training.recipe import Recipe
from nas.training.speed import measure_speed
from search_spaces import Architecture, load_plugin

CPU = torch.device("cpu")
Make = Callable[..., Recipe]


@pytest.fixture
def slow() -> Architecture:
    """A network that waits 20 ms in each step, and in each validation image."""
    load_plugin(SPACES / "dots.py")
    return Architecture("slow", 2, 1, {"width": 1, "kernel": 1, "padded": False})


def test_steps_and_validations_are_measured(slow: Architecture, data: Dataset, make_recipe: Make) -> None:
    measured = measure_speed(slow, data, make_recipe(), CPU)
    assert 0.02 <= measured.step < 1
    assert 0 < measured.validation < 2


def test_the_random_state_stays(architecture: Architecture, data: Dataset, make_recipe: Make) -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    measure_speed(architecture, data, make_recipe(), CPU)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_step_is_the_mean_over_all_stages(
    architecture: Architecture, data: Dataset, make_recipe: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = iter([1.0, 3.0])
    monkeypatch.setattr(speed, "_mean_seconds", lambda make, seconds, least: next(found))
    stages = [{"share": 0.25}, {"share": 0.75, "batch": 4}]
    assert measure_speed(architecture, data, make_recipe(steps=40, stages=stages), CPU).step == pytest.approx(2.5)


def test_with_little_time_fewer_steps_are_made() -> None:
    def calls(seconds: float, least: float) -> int:
        made = itertools.count()
        speed._mean_seconds(lambda: torch.tensor([float(next(made))]), seconds, least)
        return next(made)

    assert calls(60.0, 0) == speed.WARM_UP + speed.TIMED
    assert calls(0.0, 0.3) == 1
    assert calls(0.0, 3.0) == 3


def test_some_images_stand_for_all(
    architecture: Architecture, data: Dataset, make_recipe: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def validate(network: nn.Module, images: ImageSet, *more: object, with_ssim: bool) -> None:
        seen.append(len(images))
        time.sleep(0.05)

    monkeypatch.setattr(speed, "validate", validate)
    measure_speed(architecture, data, make_recipe(steps=1), CPU, seconds=0)
    measure_speed(architecture, data, make_recipe(steps=1), CPU)
    assert seen == [1, 1, len(data.validation)]
    first = data.validation.first(1)
    assert (first.names, first.sizes) == (data.validation.names[:1], data.validation.sizes[:1])
    assert torch.equal(first.pair(0).hr, data.validation.pair(0).hr)


def test_nothing_is_written(slow: Architecture, data: Dataset, make_recipe: Make, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    measure_speed(slow, data, make_recipe(), CPU)
    assert sorted(tmp_path.rglob("*")) == before
