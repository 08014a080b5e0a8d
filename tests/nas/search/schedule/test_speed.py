from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from searches import SPACES

from nas.data.dataset import open_dataset
from nas.errors import InputError
from nas.search.schedule.speed import SpeedByCost, measure_speeds, seconds_of_candidate
from nas.training.recipe import Recipe
from nas.training.speed import Speed
from search_spaces import Architecture, load_plugin

ON_RUNGS, WHOLE = ((100, 300, 900), 3), ((900,), 3)
"""Rungs, and of how many one continues."""
RECIPE = Recipe(name="tiny", steps=900, batch=2, patch=12, learning_rate=1e-3, precision="float32")
SPEED = Speed(step=0.05, validation=0.5)


def test_a_candidate_on_rungs_takes_what_its_share_of_promotions_takes() -> None:
    assert seconds_of_candidate(SPEED, *WHOLE) == pytest.approx(45.5)
    expected = 100 * 0.05 + 0.5 + (200 * 0.05 + 0.5) / 3 + (600 * 0.05 + 0.5) / 9
    assert seconds_of_candidate(SPEED, *ON_RUNGS) == pytest.approx(expected)


def test_the_speed_of_any_cost_follows_from_a_few() -> None:
    speeds = SpeedByCost.fitted([1e9, 2e9, 4e9], [Speed(0.02, 0.2), Speed(0.03, 0.3), Speed(0.05, 0.5)])
    assert speeds.at(8e9).step == pytest.approx(0.09)
    assert speeds.at(8e9).validation == pytest.approx(0.9)
    mean = speeds.over(1e9, 4e9)
    assert 0.02 < mean.step < 0.05 and mean.validation == pytest.approx(10 * mean.step)


@given(st.lists(st.tuples(st.floats(1, 1e12), st.floats(1e-4, 10)), min_size=1, max_size=6))
def test_no_speed_is_negative(pairs: list[tuple[float, float]]) -> None:
    costs, steps = zip(*pairs, strict=True)
    speeds = SpeedByCost.fitted(costs, [Speed(step, step) for step in steps])
    assert all(speeds.at(cost).step >= 0 for cost in (0.0, 1e9, 1e13))


def test_speed_is_measured_by_training(tiny_data: Path, tmp_path: Path) -> None:
    load_plugin(SPACES / "dots.py")
    idle = Architecture("slow", 2, 1, {"width": 1, "kernel": 1, "padded": False})  # waits 20 ms in each step
    data = open_dataset(tiny_data, scale=2, cache=tmp_path, min_lr_side=12)
    measured = measure_speeds([idle, idle], data, RECIPE, torch.device("cpu"))
    assert [network for network, _ in measured] == [idle, idle]
    for _, speed in measured:
        assert 0.02 <= speed.step < 2
        assert 0 < speed.validation < 2


def test_after_its_time_nothing_more_is_measured(tiny_data: Path, tmp_path: Path) -> None:
    load_plugin(SPACES / "dots.py")
    idle = Architecture("slow", 2, 1, {"width": 1, "kernel": 1, "padded": False})
    data = open_dataset(tiny_data, scale=2, cache=tmp_path, min_lr_side=12)
    assert len(measure_speeds([idle] * 5, data, RECIPE, torch.device("cpu"), seconds=0)) == 1


def test_where_nothing_can_be_trained_the_reason_is_told(tiny_data: Path, tmp_path: Path) -> None:
    load_plugin(SPACES / "broken.py")
    data = open_dataset(tiny_data, scale=2, cache=tmp_path, min_lr_side=12)
    broken = Architecture("broken", 2, 1, {"how": "raises", "width": 1})
    with pytest.raises(InputError, match="None of 1 networks can be trained here"):
        measure_speeds([broken], data, RECIPE, torch.device("cpu"))
