import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from nas.data.dataset import Dataset
from nas.metrics import Protocol, bicubic_baseline, measure
from nas.model import ARCHITECTURE, METRICS, RECIPE, WEIGHTS, Model, load_model
from nas.training.full import is_trained, train_fully
from nas.training.recipe import Recipe
from nas.training.trainer import Report, TrainingStoppedError
from search_spaces import Architecture

Make = Callable[..., Recipe]


@pytest.fixture
def full(architecture: Architecture, data: Dataset, make_recipe: Make, tmp_path: Path) -> Callable[..., Model]:
    """A function that trains the tiny network into a folder by the tiny recipe, some fields replaced."""

    def trained(folder: str = "model", recipe: Recipe | None = None, **arguments: object) -> Model:
        recipe = recipe or make_recipe(ema=0.9)
        return train_fully(
            architecture,
            data,
            recipe,
            tmp_path / folder,
            device=torch.device("cpu"),
            **arguments,
        )

    return trained


def stop_once(steps: int) -> Callable[[], bool]:
    asked = iter(range(10**9))
    return lambda: next(asked) >= steps


def weights(model: Model) -> list[torch.Tensor]:
    return list(model.network.state_dict().values())


def test_a_complete_model_directory_is_written_and_nothing_else(full: Callable[..., Model], tmp_path: Path) -> None:
    model = full()
    assert {path.name for path in (tmp_path / "model").iterdir()} == {ARCHITECTURE, WEIGHTS, RECIPE, METRICS}
    assert load_model(tmp_path / "model").metrics == model.metrics


def test_the_metrics_say_what_was_measured_and_how(
    full: Callable[..., Model], data: Dataset, architecture: Architecture, make_recipe: Make
) -> None:
    model = full()
    bicubic = bicubic_baseline(data.validation)
    assert model.architecture == architecture
    assert model.recipe == make_recipe(ema=0.9).model_dump(mode="json")
    assert model.metrics["protocol"] == Protocol.of(data.validation).to_dict()
    assert (model.metrics["bicubic_psnr"], model.metrics["bicubic_ssim"]) == (bicubic.psnr, bicubic.ssim)
    assert model.metrics["psnr"] == pytest.approx(measure(model.network, data.validation).psnr, abs=1e-3)
    assert model.metrics["steps"] == 30
    assert [entry["step"] for entry in model.metrics["curve"]] == [15, 30]
    assert all(math.isfinite(entry["psnr"]) for entry in model.metrics["curve"])


def test_a_stopped_training_goes_on_and_ends_bit_identically(full: Callable[..., Model], tmp_path: Path) -> None:
    straight = full("straight")
    for steps in (4, 20):
        with pytest.raises(TrainingStoppedError):
            full("stopped", should_stop=stop_once(steps))
        assert [path.name for path in (tmp_path / "stopped").iterdir()] == ["checkpoint.safetensors"]
    resumed = full("stopped")
    assert all(torch.equal(a, b) for a, b in zip(weights(straight), weights(resumed), strict=True))
    assert resumed.metrics["curve"] == straight.metrics["curve"]
    assert not (tmp_path / "stopped" / "checkpoint.safetensors").exists()


def test_a_finished_training_is_not_done_again(full: Callable[..., Model]) -> None:
    reports: list[Report] = []
    first = full(listener=reports.append)
    done = len(reports)
    second = full(listener=reports.append, should_stop=lambda: True)
    assert len(reports) == done > 0
    assert second.metrics == first.metrics


def test_another_recipe_trains_anew(full: Callable[..., Model], make_recipe: Make) -> None:
    full()
    assert full(recipe=make_recipe(steps=10)).metrics["steps"] == 10


def test_a_directory_whose_weights_were_not_yet_written_is_trained(full: Callable[..., Model], tmp_path: Path) -> None:
    """As after a kill while the model was written."""
    first = full()
    (tmp_path / "model" / WEIGHTS).unlink()
    again = full()
    assert all(torch.equal(a, b) for a, b in zip(weights(first), weights(again), strict=True))


def test_only_this_very_training_counts_as_done(
    full: Callable[..., Model], data: Dataset, architecture: Architecture, make_recipe: Make, tmp_path: Path
) -> None:
    folder, recipe, protocol = tmp_path / "model", make_recipe(ema=0.9), Protocol.of(data.validation)
    assert not is_trained(folder, architecture, recipe, protocol)
    full()
    assert is_trained(folder, architecture, recipe, protocol)
    assert is_trained(folder, architecture.replaced(**{"cell1.skip": True}), recipe, protocol)  # the same network
    assert not is_trained(folder, architecture.replaced(image_skip=False), recipe, protocol)
    assert not is_trained(folder, architecture, make_recipe(ema=0.8), protocol)
    assert not is_trained(folder, architecture, recipe, Protocol.of(data.validation, crop=48))
