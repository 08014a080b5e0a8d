import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from nas.data.dataset import Dataset, open_dataset
from nas.errors import InputError
from nas.metrics import measure
from nas.model import Model, load_model
from nas.training import trainer
from nas.training.divergence import TrainingDivergedError
from nas.training.recipe import Recipe
from nas.training.report import SAMPLE_SIDE, Report, Trained
from nas.training.trainer import LOSS_WINDOW, TrainingStoppedError, seed_all, train
from search_spaces import Architecture
from search_spaces.layers.cell import CellChoices

CPU = torch.device("cpu")
Make = Callable[..., Recipe]


def run(architecture: Architecture, data: Dataset, recipe: Recipe, **arguments: object) -> tuple[nn.Module, Trained]:
    seed_all(3)
    network = architecture.build()
    return network, train(network, data, recipe, seed=5, device=CPU, **arguments)


def same(first: nn.Module, second: nn.Module) -> bool:
    return all(
        torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


def stop_after(steps: int) -> Callable[[], bool]:
    """A stop that is asked for after so many further steps."""
    asked = iter(range(10**9))
    return lambda: next(asked) >= steps


def test_training_beats_the_bicubic_image_it_starts_from(make_recipe: Make, data: Dataset) -> None:
    choices = {"image_skip": True}
    for cell in range(1, 8):
        choices |= CellChoices.parse("conv f16 k3 b1" if cell < 3 else "conv f16 k1 b1").to_choices(cell)
    architecture = Architecture("moremnas", 2, 1, choices)
    start = measure(architecture.build(), data.validation).psnr
    recipe = make_recipe(steps=200, batch=4, patch=16, learning_rate=5e-3, warmup=0.15, betas=(0.9, 0.99))
    network, trained = run(architecture, data, recipe)
    assert trained.validation.psnr > start + 0.05
    assert measure(network, data.validation).psnr == pytest.approx(trained.validation.psnr, abs=1e-3)


def test_the_same_seeds_give_the_same_network_bit_by_bit(
    make_recipe: Make, data: Dataset, architecture: Architecture
) -> None:
    (first, _), (second, _) = (run(architecture, data, make_recipe()) for _ in range(2))
    assert same(first, second)


def test_another_seed_of_the_patches_gives_another_network(
    make_recipe: Make, data: Dataset, architecture: Architecture
) -> None:
    first, _ = run(architecture, data, make_recipe(steps=5))
    seed_all(3)
    second = architecture.build()
    train(second, data, make_recipe(steps=5), seed=6, device=CPU)
    assert not same(first, second)


@pytest.mark.parametrize("ema", [0.0, 0.9])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_training_that_was_stopped_ends_bit_identically(
    make_recipe: Make, data: Dataset, architecture: Architecture, tmp_path: Path, ema: float, precision: str
) -> None:
    recipe = make_recipe(steps=50, ema=ema, precision=precision, validations=3)
    straight, expected = run(architecture, data, recipe)
    checkpoint = tmp_path / "checkpoint.safetensors"
    for steps in (0, 1, 17, 15, 16):  # in the middle of a loss window, at validations, one step before the end
        with pytest.raises(TrainingStoppedError):
            run(architecture, data, recipe, checkpoint=checkpoint, should_stop=stop_after(steps))
    resumed, trained = run(architecture, data, recipe, checkpoint=checkpoint)
    assert same(straight, resumed)
    assert trained.curve == expected.curve
    assert trained.validation == expected.validation


def test_when_checkpoints_are_written_has_no_influence(
    make_recipe: Make, data: Dataset, architecture: Architecture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, _ = run(architecture, data, make_recipe())
    monkeypatch.setattr(trainer, "CHECKPOINT_SECONDS", 0.0)
    often, _ = run(architecture, data, make_recipe(), checkpoint=tmp_path / "checkpoint.safetensors")
    assert same(plain, often)


def test_a_finished_training_is_measured_again_without_a_step(
    make_recipe: Make, data: Dataset, architecture: Architecture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a kill during the last validation."""
    monkeypatch.setattr(trainer, "CHECKPOINT_SECONDS", 0.0)
    checkpoint = tmp_path / "checkpoint.safetensors"
    first, expected = run(architecture, data, make_recipe(ema=0.9), checkpoint=checkpoint)
    reports: list[Report] = []
    second, trained = run(architecture, data, make_recipe(ema=0.9), checkpoint=checkpoint, listener=reports.append)
    assert [(report.step, report.began, report.patches_per_second) for report in reports] == [(30, 30, None)]
    assert reports[0].measured and reports[0].psnr == expected.validation.psnr
    assert same(first, second)
    assert trained.curve == expected.curve


def test_a_stop_says_how_far_it_is_and_writes_the_checkpoint(
    make_recipe: Make, data: Dataset, architecture: Architecture, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "checkpoint.safetensors"
    with pytest.raises(TrainingStoppedError, match="Stopped after 7 of 30 steps"):
        run(architecture, data, make_recipe(), checkpoint=checkpoint, should_stop=stop_after(7))
    assert checkpoint.is_file()


@pytest.mark.parametrize("changed", [{"steps": 31}, {"learning_rate": 2e-3}, {"ema": 0.5}, {"seed": 1}])
def test_a_checkpoint_of_another_recipe_is_refused(
    make_recipe: Make, data: Dataset, architecture: Architecture, tmp_path: Path, changed: dict[str, float]
) -> None:
    checkpoint = tmp_path / "checkpoint.safetensors"
    with pytest.raises(TrainingStoppedError):
        run(architecture, data, make_recipe(), checkpoint=checkpoint, should_stop=stop_after(1))
    with pytest.raises(InputError, match="is of another architecture, recipe or data set"):
        run(architecture, data, make_recipe(**changed), checkpoint=checkpoint)


def test_a_checkpoint_of_another_network_or_data_set_is_refused(
    make_recipe: Make, data: Dataset, architecture: Architecture, tiny_data: Path, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "checkpoint.safetensors"
    with pytest.raises(TrainingStoppedError):
        run(architecture, data, make_recipe(), checkpoint=checkpoint, should_stop=stop_after(1))
    with pytest.raises(InputError, match="is of another architecture"):
        run(architecture.replaced(**{"cell3.width": 32}), data, make_recipe(), checkpoint=checkpoint)
    next((tiny_data / "train").iterdir()).unlink()
    fewer = open_dataset(tiny_data, scale=2, cache=tmp_path / "other cache", min_lr_side=12)
    with pytest.raises(InputError, match="is of another architecture"):
        run(architecture, fewer, make_recipe(), checkpoint=checkpoint)


def test_an_output_that_is_not_a_number_after_the_last_step_is_a_divergence(
    make_recipe: Make, data: Dataset, network: nn.Module
) -> None:
    class Last(nn.Module):
        """Finite while training, not a number when measured."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return self.network(image) if self.training else self.network(image) * float("nan")

    with pytest.raises(TrainingDivergedError, match="not a number"):
        train(Last(), data, make_recipe(steps=3, validations=1), seed=0, device=CPU)


def test_the_listener_follows_the_training(make_recipe: Make, data: Dataset, architecture: Architecture) -> None:
    reports: list[Report] = []
    _, trained = run(architecture, data, make_recipe(steps=50, validations=2), listener=reports.append)
    assert [report.step for report in reports] == [LOSS_WINDOW, 25, 2 * LOSS_WINDOW, 50]
    assert {report.steps for report in reports} == {50}
    assert reports[0].psnr is None
    assert reports[1].psnr == reports[2].psnr == trained.curve[0]["psnr"]
    assert reports[3].psnr == trained.validation.psnr
    assert [report.measured for report in reports] == [False, True, False, True]
    assert all(0 < report.loss < 1 for report in reports)


def test_a_report_tells_how_fast_it_goes_and_at_which_rate(
    make_recipe: Make, data: Dataset, architecture: Architecture
) -> None:
    reports: list[Report] = []
    recipe = make_recipe(steps=50, warmup=0.0)
    _, trained = run(architecture, data, recipe, listener=reports.append)
    assert [report.learning_rate for report in reports] == [recipe.learning_rate_at(r.step - 1) for r in reports]
    seconds = [report.seconds for report in reports]
    assert seconds == sorted(seconds) and seconds[-1] == trained.train_seconds + trained.validation_seconds
    steps = (20, 5, 15, 10)
    training = sum(n * recipe.batch / r.patches_per_second for n, r in zip(steps, reports, strict=True))
    assert training == pytest.approx(trained.train_seconds, rel=0.05)


def test_a_report_says_where_its_process_went_on(
    make_recipe: Make, data: Dataset, architecture: Architecture, tmp_path: Path
) -> None:
    reports: list[Report] = []
    checkpoint = tmp_path / "checkpoint.safetensors"
    with pytest.raises(TrainingStoppedError):
        run(architecture, data, make_recipe(), checkpoint=checkpoint, should_stop=stop_after(17))
    run(architecture, data, make_recipe(), checkpoint=checkpoint, listener=reports.append)
    assert {report.began for report in reports} == {17}


def test_a_validation_shows_what_the_network_makes_of_the_first_image(
    make_recipe: Make, data: Dataset, architecture: Architecture
) -> None:
    reports: list[Report] = []
    network, _ = run(architecture, data, make_recipe(), listener=reports.append)
    assert [report.sample is not None for report in reports] == [report.measured for report in reports]
    network.eval()
    expected = network(data.validation.pair(0, SAMPLE_SIDE).lr)[0].clamp(0, 1)
    assert reports[-1].sample is not None and torch.allclose(reports[-1].sample, expected, atol=1e-5)


@pytest.mark.parametrize("validations", [1, 2, 5])
def test_the_curve_has_one_entry_a_validation(
    make_recipe: Make, data: Dataset, architecture: Architecture, validations: int
) -> None:
    _, trained = run(architecture, data, make_recipe(steps=20, validations=validations))
    assert [entry["step"] for entry in trained.curve] == [20 * i // validations for i in range(1, validations + 1)]
    assert trained.curve[-1]["psnr"] == trained.validation.psnr
    assert all(math.isfinite(value) for entry in trained.curve for value in entry.values())
    assert (trained.steps, trained.train_seconds > 0, trained.validation_seconds > 0) == (20, True, True)


def test_the_average_of_the_weights_is_what_is_kept(
    make_recipe: Make, data: Dataset, architecture: Architecture
) -> None:
    seed_all(3)
    start = architecture.build()
    plain, _ = run(architecture, data, make_recipe())
    averaged, trained = run(architecture, data, make_recipe(ema=0.95))

    def moved(network: nn.Module) -> float:
        pairs = zip(network.parameters(), start.parameters(), strict=True)
        return sum((a - b).square().sum().item() for a, b in pairs)

    assert 0 < moved(averaged) < moved(plain)
    assert measure(averaged, data.validation).psnr == pytest.approx(trained.validation.psnr, abs=1e-3)


def test_what_is_minimised_is_the_weighted_sum_of_the_losses(
    make_recipe: Make, data: Dataset, architecture: Architecture
) -> None:
    reports: list[Report] = []
    recipe = make_recipe(losses={"l1": 2.0, "fft": 0.5, "ssim": 0.1}, validations=1)
    run(architecture, data, recipe, listener=reports.append)
    for report in reports:
        assert list(report.losses) == ["l1", "fft", "ssim"]
        assert report.loss == pytest.approx(sum(recipe.losses[name] * value for name, value in report.losses.items()))


STAGES = [
    {"share": 0.5, "patch": 8},
    {"share": 0.3, "losses": {"l1": 1.0, "adversarial": 0.1}, "learning_rate": 5e-4},
    {"share": 0.2, "losses": {"l2": 1.0}, "batch": 1},
]
SMALL = {"width": 4}
"""A discriminator that takes no time."""


def test_each_stage_has_its_own_losses(make_recipe: Make, data: Dataset, architecture: Architecture) -> None:
    reports: list[Report] = []
    recipe = make_recipe(steps=50, stages=STAGES, adversarial=SMALL)
    run(architecture, data, recipe, listener=reports.append)
    seen = {report.step: list(report.losses) for report in reports}
    gan = ["l1", "adversarial", "discriminator"]
    assert seen == {20: ["l1"], 25: ["l1"], 40: gan, 50: ["l2"]}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_training_with_stages_and_a_discriminator_that_was_stopped_ends_bit_identically(
    make_recipe: Make, data: Dataset, architecture: Architecture, tmp_path: Path, precision: str
) -> None:
    recipe = make_recipe(steps=50, ema=0.9, precision=precision, stages=STAGES, adversarial=SMALL)
    straight, expected = run(architecture, data, recipe)
    checkpoint = tmp_path / "checkpoint.safetensors"
    for steps in (24, 1, 1, 7, 6, 1, 8):  # before, at and after 25 and 40, where stages begin, and inside of them
        with pytest.raises(TrainingStoppedError):
            run(architecture, data, recipe, checkpoint=checkpoint, should_stop=stop_after(steps))
    resumed, trained = run(architecture, data, recipe, checkpoint=checkpoint)
    assert same(straight, resumed)
    assert trained.curve == expected.curve


@pytest.fixture
def teacher(architecture: Architecture, tmp_path: Path) -> Path:
    """A network with weights that are far from those of every other."""
    torch.manual_seed(5)
    network = architecture.build()
    for parameter in network.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    Model(architecture, network, {}, {}).save(tmp_path / "teacher")
    return tmp_path / "teacher"


def test_distillation_brings_a_network_nearer_to_its_teacher(
    make_recipe: Make, data: Dataset, architecture: Architecture, teacher: Path
) -> None:
    lr = data.validation.pair(0).lr
    wanted = load_model(teacher).network(lr)
    seed_all(3)
    start = architecture.build().eval()
    recipe = make_recipe(steps=100, learning_rate=5e-3, losses={"distillation": 1.0}, teacher=str(teacher))
    taught, _ = run(architecture, data, recipe)
    before, after = ((network(lr) - wanted).abs().mean() for network in (start, taught.eval()))
    assert after < 0.7 * before


def test_a_checkpoint_of_another_teacher_is_refused(
    make_recipe: Make, data: Dataset, architecture: Architecture, teacher: Path, tmp_path: Path
) -> None:
    recipe = make_recipe(losses={"l1": 1.0, "distillation": 1.0}, teacher=str(teacher))
    checkpoint = tmp_path / "checkpoint.safetensors"
    with pytest.raises(TrainingStoppedError):
        run(architecture, data, recipe, checkpoint=checkpoint, should_stop=stop_after(1))
    Model(architecture, architecture.build(), {}, {}).save(teacher)
    with pytest.raises(InputError, match="is of another architecture"):
        run(architecture, data, recipe, checkpoint=checkpoint)


def test_validation_looks_at_the_centre_when_the_recipe_says_so(
    make_recipe: Make, data: Dataset, architecture: Architecture
) -> None:
    network, trained = run(architecture, data, make_recipe(steps=3, validation_crop=48))
    assert trained.validation.psnr == pytest.approx(measure(network, data.validation, crop=48).psnr, abs=1e-3)


def test_seeding_makes_the_initialisation_repeatable(architecture: Architecture) -> None:
    networks = []
    for seed in (1, 1, 2):
        seed_all(seed)
        networks.append(architecture.build())
    assert same(networks[0], networks[1])
    assert not same(networks[0], networks[2])
