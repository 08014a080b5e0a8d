"""Trainings that are paused on their way and go on later."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from nas.data.dataset import Dataset
from nas.metrics import Measurement, measure
from nas.training.recipe import Recipe
from nas.training.report import Report, Trained
from nas.training.trainer import Pauses, seed_all, train
from search_spaces import Architecture

Make = Callable[..., Recipe]


def run(architecture: Architecture, data: Dataset, recipe: Recipe, **arguments: object) -> tuple[nn.Module, Trained]:
    seed_all(3)
    network = architecture.build()
    return network, train(network, data, recipe, seed=5, device=torch.device("cpu"), **arguments)


def weights(network: nn.Module) -> list[torch.Tensor]:
    return list(network.state_dict().values())


def never(step: int, measured: Measurement) -> bool:
    return False


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_a_training_that_was_paused_ends_bit_identically(
    ema: float, make_recipe: Make, data: Dataset, architecture: Architecture, tmp_path: Path
) -> None:
    recipe, file = make_recipe(ema=ema), tmp_path / "paused.safetensors"
    whole, trained = run(architecture, data, recipe)
    for rungs in ((7, 20), (20,)):  # the second process doesn't look at the rung that it goes on from
        _, held = run(architecture, data, recipe, checkpoint=file, pauses=Pauses(rungs, never))
        assert held.steps == rungs[0]
    resumed, ended = run(architecture, data, recipe, checkpoint=file, pauses=Pauses((7, 20), never))
    assert ended.steps == 30
    assert all(map(torch.equal, weights(resumed), weights(whole)))
    assert ended.validation == trained.validation
    assert [entry["step"] for entry in ended.curve] == [7, 15, 20, 30]


def test_rungs_that_are_passed_leave_no_trace(make_recipe: Make, data: Dataset, architecture: Architecture) -> None:
    plain, _ = run(architecture, data, make_recipe())
    watched, _ = run(architecture, data, make_recipe(), pauses=Pauses((4, 15, 29)))
    assert all(map(torch.equal, weights(watched), weights(plain)))


def test_a_rung_measures_what_would_be_kept(
    make_recipe: Make, data: Dataset, architecture: Architecture, tmp_path: Path
) -> None:
    asked: dict[int, Measurement] = {}

    def pause_at_last(step: int, measured: Measurement) -> bool:
        asked[step] = measured
        return step < 20

    reports: list[Report] = []
    _, held = run(
        architecture, data, make_recipe(ema=0.9), pauses=Pauses((10, 20), pause_at_last), listener=reports.append
    )
    assert list(asked) == [10, 20]
    assert held.validation is asked[20] and 0 < held.validation.ssim <= 1
    assert held.curve[-1]["psnr"] == asked[20].psnr
    assert reports[-1].step == 20 and reports[-1].steps == 30 and reports[-1].psnr == asked[20].psnr


def test_what_is_measured_on_a_rung_is_the_network_after_so_many_steps(
    make_recipe: Make, data: Dataset, architecture: Architecture
) -> None:
    network, held = run(architecture, data, make_recipe(), pauses=Pauses((12,), never))
    network.eval()
    assert measure(network, data.validation).psnr == pytest.approx(held.validation.psnr, abs=1e-3)
