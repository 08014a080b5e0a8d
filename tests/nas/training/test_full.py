import hashlib
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from nas.data.dataset import Dataset
from nas.errors import InputError
from nas.metrics import Protocol, bicubic_baseline, measure
from nas.model import ARCHITECTURE, METRICS, RECIPE, WEIGHTS, Model, load_model
from nas.training.full import is_trained, train_fully
from nas.training.logs import LOG
from nas.training.recipe import Recipe
from nas.training.report import Report
from nas.training.trainer import TrainingStoppedError
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
    assert {path.name for path in (tmp_path / "model").iterdir()} == {ARCHITECTURE, WEIGHTS, RECIPE, METRICS, LOG}
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
    assert (model.metrics["device"], model.metrics["threads"]) == ("cpu", 1)


def test_a_stopped_training_goes_on_and_ends_bit_identically(full: Callable[..., Model], tmp_path: Path) -> None:
    straight = full("straight")
    for steps in (4, 20):
        with pytest.raises(TrainingStoppedError):
            full("stopped", should_stop=stop_once(steps))
        written = {path.name for path in (tmp_path / "stopped").iterdir()}
        assert written - {LOG} == {"checkpoint.safetensors"}
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


@pytest.fixture
def start(full: Callable[..., Model], make_recipe: Make, tmp_path: Path) -> Path:
    """A model directory with weights as from elsewhere: far from those that a training starts with."""
    model = full("start", make_recipe(steps=1))
    torch.manual_seed(5)
    for parameter in model.network.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    origin = {"imported_from": {"file": "net.pth"}}
    Model(model.architecture, model.network, origin, {}).save(tmp_path / "start")
    return tmp_path / "start"


def still(make_recipe: Make) -> Recipe:
    """A recipe that hardly moves the weights."""
    return make_recipe(steps=2, learning_rate=1e-9)


def test_a_training_starts_from_the_weights_of_a_model(
    full: Callable[..., Model], make_recipe: Make, start: Path
) -> None:
    given = load_model(start)
    tuned, scratch = full("tuned", still(make_recipe), start=start), full("scratch", still(make_recipe))
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(weights(tuned), weights(given), strict=True))
    assert not all(torch.allclose(a, b, atol=1e-2) for a, b in zip(weights(scratch), weights(given), strict=True))


def test_the_model_it_starts_from_is_left_as_it_was_and_named(
    full: Callable[..., Model], make_recipe: Make, start: Path
) -> None:
    before = {path.name: path.read_bytes() for path in start.iterdir()}
    tuned = full("tuned", make_recipe(steps=5), start=start)
    assert {path.name: path.read_bytes() for path in start.iterdir()} == before
    origin = tuned.metrics["started_from"]
    assert origin["model"] == "start" and len(origin["sha256"]) == 64
    assert origin["imported_from"] == {"file": "net.pth"}
    assert tuned.recipe == make_recipe(steps=5).model_dump(mode="json")


def test_a_stopped_training_from_weights_ends_bit_identically(
    full: Callable[..., Model], start: Path, tmp_path: Path
) -> None:
    straight = full("straight", start=start)
    with pytest.raises(TrainingStoppedError):
        full("stopped", start=start, should_stop=stop_once(10))
    resumed = full("stopped", start=start)
    assert all(torch.equal(a, b) for a, b in zip(weights(straight), weights(resumed), strict=True))


def test_a_checkpoint_of_other_initial_weights_is_refused(
    full: Callable[..., Model], start: Path, tmp_path: Path
) -> None:
    with pytest.raises(TrainingStoppedError):
        full("tuned", start=start, should_stop=stop_once(10))
    with pytest.raises(InputError, match="is of another architecture, recipe or data set"):
        full("tuned")
    model = load_model(start)
    next(model.network.parameters()).data += 1
    model.save(start)
    with pytest.raises(InputError, match="is of another architecture, recipe or data set"):
        full("tuned", start=start)


def test_only_a_training_from_the_same_weights_counts_as_done(full: Callable[..., Model], start: Path) -> None:
    reports: list[Report] = []
    first = full("tuned", start=start)
    again = full("tuned", start=start, listener=reports.append)
    assert not reports and again.metrics == first.metrics
    full("tuned", listener=reports.append)
    assert reports


def test_a_model_is_not_trained_into_itself(full: Callable[..., Model], start: Path) -> None:
    with pytest.raises(InputError, match="start can't be trained into itself; copy it to a folder of another name"):
        full("start", start=start)
    load_model(start)


# Teachers


@pytest.fixture
def distilled(full: Callable[..., Model], make_recipe: Make, start: Path) -> Callable[..., Model]:
    """A function that trains the tiny network with `start`, or another model directory, as its teacher."""

    def trained(folder: str = "distilled", teacher: Path = start, **arguments: object) -> Model:
        recipe = make_recipe(steps=4, losses={"l1": 1.0, "distillation": 1.0}, teacher=str(teacher))
        return full(folder, recipe, **arguments)

    return trained


def test_the_weights_of_a_teacher_are_named(distilled: Callable[..., Model], start: Path) -> None:
    digest = hashlib.sha256((start / WEIGHTS).read_bytes()).hexdigest()
    assert distilled().metrics["borrowed_weights"] == {"teacher": digest}


def test_only_a_training_by_the_same_teacher_counts_as_done(distilled: Callable[..., Model], start: Path) -> None:
    reports: list[Report] = []
    first = distilled()
    assert distilled(listener=reports.append).metrics == first.metrics and not reports
    teacher = load_model(start)
    next(teacher.network.parameters()).data += 1
    teacher.save(start)
    assert distilled(listener=reports.append).metrics != first.metrics and reports


def test_a_network_does_not_replace_its_own_teacher(distilled: Callable[..., Model], start: Path) -> None:
    before = (start / WEIGHTS).read_bytes()
    with pytest.raises(InputError, match="start can't be its own teacher, which it would replace"):
        distilled("start")
    assert (start / WEIGHTS).read_bytes() == before


def test_a_teacher_that_is_not_there_is_missed_before_the_training(
    distilled: Callable[..., Model], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="There is no teacher"):
        distilled(teacher=tmp_path / "gone")
    assert not (tmp_path / "distilled").exists()


def test_weights_of_a_classifier_that_are_not_there_are_missed_at_once(
    full: Callable[..., Model], make_recipe: Make, tmp_path: Path
) -> None:
    recipe = make_recipe(losses={"l1": 1.0, "perceptual": 1.0}, features={"weights": str(tmp_path / "gone.pth")})
    with pytest.raises(InputError, match=r"no file '.*gone\.pth'.*leave 'perceptual' out"):
        full("model", recipe)
    assert not (tmp_path / "model").exists()
