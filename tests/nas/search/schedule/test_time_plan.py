from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from searches import SPACES

from nas.data.dataset import open_dataset
from nas.search.schedule.time_plan import USUAL_TRIALS, Given, Speed, make_plan, measure_speed
from nas.training.recipe import Recipe
from search_spaces import Architecture, load_plugin

ON_RUNGS, WHOLE = ((100, 300, 900), 3), ((900,), 3)
"""Rungs, and of how many one continues."""
RECIPE = Recipe(name="tiny", steps=900, batch=2, patch=12, learning_rate=1e-3, precision="float32")
SPEED = Speed(step=0.05, validation=0.5)


def test_a_candidate_on_rungs_takes_what_its_share_of_promotions_takes() -> None:
    assert SPEED.of_candidate(*WHOLE) == pytest.approx(45.5)
    expected = 100 * 0.05 + 0.5 + (200 * 0.05 + 0.5) / 3 + (600 * 0.05 + 0.5) / 9
    assert SPEED.of_candidate(*ON_RUNGS) == pytest.approx(expected)


@given(st.floats(1, 1e6), st.floats(1e-3, 1), st.booleans())
def test_what_is_planned_fits_into_the_time(seconds: float, step: float, may_change: bool) -> None:
    speed = Speed(step, 10 * step)
    plan = make_plan(speed, *ON_RUNGS, seconds, Given(keeps_steps=not may_change))
    assert plan.trials == 1 or plan.trials * speed.of_candidate(plan.rungs, 3) <= 0.7 * seconds
    assert plan.rungs[-1] >= 300 if may_change else plan.rungs == (100, 300, 900)


def test_twice_the_time_is_spent_on_more_candidates_and_on_longer_trainings() -> None:
    usual = USUAL_TRIALS * SPEED.of_candidate(*ON_RUNGS) / 0.7
    plans = [make_plan(SPEED, *ON_RUNGS, time * usual) for time in (0.1, 1, 4)]
    assert [plan.rungs for plan in plans] == [(33, 100, 300), (100, 300, 900), (200, 600, 1800)]
    assert plans[1].trials == pytest.approx(40, abs=1) and plans[2].trials == pytest.approx(82, abs=3)
    assert plans[0].trials < 12


def test_a_number_of_candidates_that_is_given_is_kept() -> None:
    usual = USUAL_TRIALS * SPEED.of_candidate(*ON_RUNGS) / 0.7
    plan = make_plan(SPEED, *ON_RUNGS, usual, Given(trials=20))
    assert (plan.trials, plan.rungs) == (20, (200, 600, 1800))
    assert make_plan(SPEED, *ON_RUNGS, usual, Given(trials=20, keeps_steps=True)).rungs == (100, 300, 900)


def test_speed_is_measured_by_training(tiny_data: Path, tmp_path: Path) -> None:
    load_plugin(SPACES / "dots.py")
    idle = Architecture("slow", 2, 1, {"width": 1, "kernel": 1, "padded": False})  # waits 20 ms in each step
    data = open_dataset(tiny_data, scale=2, cache=tmp_path, min_lr_side=12)
    speed = measure_speed([idle, idle], data, RECIPE, torch.device("cpu"))
    assert 0.02 <= speed.step < 2
    assert 0 < speed.validation < 2
