"""Trainings whose validation PSNR stops growing: they skip to the cool-down of the schedule, and never stop at once."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from nas.data.dataset import Dataset
from nas.errors import InputError
from nas.training.options import Plateau
from nas.training.plateau import check_no_plateau, is_reached, next_step
from nas.training.recipe import Recipe, load_recipe
from nas.training.report import Report, Trained
from nas.training.trainer import TrainingStoppedError, seed_all, train
from search_spaces import Architecture

Make = Callable[..., Recipe]
CPU = torch.device("cpu")

AT_ONCE = {"patience": 1, "min_gain": 99.0, "cool_down": 0.4}
"""Whatever the second validation measures is no gain."""


def curve(*points: tuple[int, float]) -> list[dict[str, float]]:
    return [{"step": step, "loss": 0.1, "psnr": psnr} for step, psnr in points]


@pytest.mark.parametrize(
    ("psnr", "reached"),
    [
        ([], False),
        ([30.0], False),
        ([30.0, 30.05], False),  # one validation without a gain, of two
        ([30.0, 30.05, 30.09], True),  # both gain over the one before, but neither 0.1 dB over the best
        ([30.0, 30.05, 30.11], False),
        ([30.0, 29.0, 29.5], True),
        ([30.0, 29.0, 31.0, 30.0], False),
    ],
)
def test_a_plateau_is_a_row_of_validations_without_a_gain(psnr: list[float], reached: bool) -> None:
    assert is_reached(Plateau(patience=2, min_gain=0.1), psnr) is reached


@given(st.lists(st.floats(10, 50), max_size=10), st.integers(1, 4))
def test_a_training_that_always_gains_has_no_plateau(gains: list[float], patience: int) -> None:
    climbing = [sum(gains[: count + 1]) for count in range(len(gains))]
    assert not is_reached(Plateau(patience=patience, min_gain=0.01), climbing)


def test_the_cool_down_is_the_end_of_the_present_cosine(make_recipe: Make) -> None:
    stages = [{"share": 0.5}, {"share": 0.25, "learning_rate": 1e-4}, {"share": 0.25}]
    recipe = make_recipe(steps=1000, plateau=AT_ONCE, stages=stages)
    assert next_step(recipe, curve((100, 30.0))) == 100
    assert next_step(recipe, curve((100, 30.0), (200, 30.0))) == 300  # the first cosine ends after 500 steps
    assert next_step(recipe, curve((100, 30.0), (350, 30.0))) == 350  # in the cool-down nothing is skipped
    assert next_step(recipe, curve((100, 30.0), (500, 30.0))) == 500
    assert next_step(recipe, curve((400, 30.0), (500, 30.0), (550, 30.0))) == 550  # a new cosine, a new count
    assert next_step(recipe, curve((550, 30.0), (600, 30.0))) == 800  # the second cosine lasts to the last step
    assert next_step(make_recipe(steps=1000), curve((100, 30.0), (200, 30.0))) == 200


def run(architecture: Architecture, data: Dataset, recipe: Recipe, **more: object) -> tuple[nn.Module, Trained]:
    seed_all(3)
    network = architecture.build()
    return network, train(network, data, recipe, seed=5, device=CPU, **more)


def test_a_training_at_a_plateau_makes_the_steps_of_the_cool_down(
    make_recipe: Make, data: Dataset, architecture: Architecture
) -> None:
    recipe = make_recipe(steps=100, validations=10, plateau=AT_ONCE)
    reports: list[Report] = []
    _, trained = run(architecture, data, recipe, listener=reports.append)
    assert (trained.steps, trained.skipped) == (60, 40)
    assert [entry["step"] for entry in trained.curve] == [10, 20, 60 + 10, 80, 90, 100]
    assert [report.skipped for report in reports if report.step in (20, 70)] == [0, 40]
    rates = {report.step: report.learning_rate for report in reports}
    plain = make_recipe(steps=100)
    assert all(rate == plain.learning_rate_at(step - 1) for step, rate in rates.items())
    assert rates[100] < 0.01 * rates[20]


def test_a_training_that_gains_makes_all_steps(make_recipe: Make, data: Dataset, architecture: Architecture) -> None:
    never = {"patience": 10, "min_gain": 0.0}
    with_field, trained = run(architecture, data, make_recipe(plateau=never))
    without, _ = run(architecture, data, make_recipe())
    assert (trained.steps, trained.skipped) == (30, 0)
    assert all(map(torch.equal, with_field.state_dict().values(), without.state_dict().values()))


@pytest.mark.parametrize("stop_at", [7, 20, 33])
def test_an_interrupted_training_skips_the_same_steps_bit_for_bit(
    stop_at: int, make_recipe: Make, data: Dataset, architecture: Architecture, tmp_path: Path
) -> None:
    """The training has two stages and makes steps 0 to 19 and 60 to 99; `stop_at` counts steps made."""
    stages = [{"share": 0.7}, {"share": 0.3, "losses": {"l2": 1.0}, "patch": 8}]
    recipe = make_recipe(steps=100, validations=10, plateau=AT_ONCE, stages=stages, ema=0.9)
    whole, trained = run(architecture, data, recipe)
    asked = iter(range(1000))
    with pytest.raises(TrainingStoppedError):
        run(architecture, data, recipe, checkpoint=tmp_path / "c", should_stop=lambda: next(asked) == stop_at)
    resumed, ended = run(architecture, data, recipe, checkpoint=tmp_path / "c")
    assert (ended.steps, ended.skipped) == (trained.steps, trained.skipped) == (60, 40)
    assert ended.curve == trained.curve
    assert all(map(torch.equal, resumed.state_dict().values(), whole.state_dict().values()))


@pytest.mark.parametrize("loss", ["adversarial", "perceptual"])
def test_losses_that_lower_the_psnr_have_no_plateau(loss: str) -> None:
    with pytest.raises(InputError, match=f"'plateau' watches the PSNR, which the loss '{loss}' lowers"):
        load_recipe("full", CPU, plateau={"patience": 2}, stages=[], losses={"l1": 1.0, loss: 1.0})


def test_networks_are_not_compared_after_different_steps() -> None:
    check_no_plateau(load_recipe("brief", CPU), "A search")
    with pytest.raises(InputError, match=r"A search compares networks after the same steps.*; leave its"):
        check_no_plateau(load_recipe("brief", CPU, plateau={"patience": 2}), "A search")


def test_a_recipe_without_a_plateau_is_written_as_before_there_were_plateaus() -> None:
    assert "plateau" not in load_recipe("brief", CPU).model_dump(mode="json")
    used = load_recipe("full", CPU, plateau={"patience": 2})
    assert used.model_dump(mode="json")["plateau"] == {"patience": 2, "min_gain": 0.01, "cool_down": 0.3}
