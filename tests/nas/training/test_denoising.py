"""Training denoisers, and training networks behind them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from nas.data.dataset import Dataset, open_dataset
from nas.deploy.denoising import as_denoiser
from nas.errors import InputError
from nas.evaluation.comparison import compare
from nas.evaluation.conditions import Conditions
from nas.evaluation.contestant import load_contestant
from nas.metrics import Protocol, bicubic_baseline
from nas.model import METRICS, RECIPE, Model, load_model
from nas.training.full import train_fully
from nas.training.recipe import Recipe
from nas.training.trainer import TrainingStoppedError
from search_spaces import Architecture

CPU = torch.device("cpu")
Make = Callable[..., Recipe]
MakeDenoiser = Callable[..., Path]
Open = Callable[..., Dataset]


@pytest.fixture
def open_noisy(tiny_data: Path, tmp_path: Path) -> Open:
    """Return a function that opens noisy images, which have passed a denoiser if one is given."""

    def opened(scale: int, denoiser: Path | None = None) -> Dataset:
        before = as_denoiser(str(denoiser) if denoiser else None, CPU)
        return open_dataset(
            tiny_data, scale=scale, cache=tmp_path / "cache", degradation="noise", denoiser=before, min_lr_side=12
        )

    return opened


def test_a_denoiser_learns_to_denoise(make_denoiser: MakeDenoiser, make_recipe: Make, open_noisy: Open) -> None:
    folder = make_denoiser()
    model = train_fully(
        load_model(folder).architecture,
        open_noisy(1),
        make_recipe(degradation="noise", steps=150, learning_rate=0.3),
        folder.with_name("trained"),
        device=CPU,
    )
    assert model.metrics["psnr"] > model.metrics["bicubic_psnr"] + 1
    assert (model.metrics["protocol"]["scale"], model.metrics["protocol"]["shave"]) == (1, 1)


@pytest.fixture
def behind(architecture: Architecture, make_recipe: Make, open_noisy: Open, tmp_path: Path) -> Callable[..., Model]:
    """A function that trains the tiny network behind a denoiser."""

    def trained(denoiser: Path | None, folder: str = "model", **arguments: object) -> Model:
        recipe = make_recipe(steps=6, degradation="noise", denoiser=str(denoiser) if denoiser else None)
        return train_fully(architecture, open_noisy(2, denoiser), recipe, tmp_path / folder, device=CPU, **arguments)

    return trained


def test_the_protocol_tells_the_denoiser_by_its_weights(
    behind: Callable[..., Model], make_denoiser: MakeDenoiser, open_noisy: Open
) -> None:
    folder = make_denoiser()
    denoised, plain = behind(folder), behind(None, "plain")
    digest = as_denoiser(str(folder), CPU).digest
    assert denoised.recipe["denoiser"] == str(folder)
    assert denoised.metrics["protocol"] == plain.metrics["protocol"] | {"denoiser": digest}
    assert denoised.metrics["bicubic_psnr"] == bicubic_baseline(open_noisy(2, folder).validation).psnr
    assert denoised.metrics["bicubic_psnr"] != plain.metrics["bicubic_psnr"]


def test_a_finished_training_is_done_again_only_behind_other_weights(
    behind: Callable[..., Model], make_denoiser: MakeDenoiser
) -> None:
    def never() -> bool:
        raise AssertionError("it trains")

    first = behind(make_denoiser("a"))
    again = behind(make_denoiser("b"), should_stop=never)  # another path, but the same weights
    assert again.metrics == first.metrics
    assert behind(make_denoiser("a", seed=1)).metrics["protocol"] != first.metrics["protocol"]


def test_what_was_trained_before_there_were_denoisers_counts_as_done(
    behind: Callable[..., Model], tmp_path: Path
) -> None:
    behind(None)
    lines = (tmp_path / "model" / RECIPE).read_text().splitlines()
    (tmp_path / "model" / RECIPE).write_text("\n".join(line for line in lines if "denoiser" not in line))
    assert "denoiser" not in (tmp_path / "model" / METRICS).read_text()
    assert behind(None, should_stop=lambda: True).metrics["steps"] == 6


def test_a_checkpoint_of_another_denoiser_is_refused(behind: Callable[..., Model], make_denoiser: MakeDenoiser) -> None:
    with pytest.raises(TrainingStoppedError):
        behind(make_denoiser(), should_stop=lambda: True)
    with pytest.raises(InputError, match="is of another architecture, recipe or data set"):
        behind(make_denoiser(seed=1))


# Evaluation


def test_models_are_measured_as_they_were_trained(
    behind: Callable[..., Model], make_denoiser: MakeDenoiser, tiny_data: Path, tmp_path: Path
) -> None:
    model = behind(make_denoiser())
    contestant = load_contestant("model", tmp_path / "model")
    found = compare([contestant], tiny_data / "val", tmp_path / "other", CPU)
    assert [name for name, _ in found.rows] == ["bicubic", "model"]
    assert found.protocol == Protocol.from_dict(model.metrics["protocol"])
    assert [row.psnr for _, row in found.rows] == [
        pytest.approx(model.metrics[key], abs=1e-3) for key in ("bicubic_psnr", "psnr")
    ]


def test_denoisers_are_compared_with_their_input(
    make_denoiser: MakeDenoiser, open_noisy: Open, tiny_data: Path, tmp_path: Path
) -> None:
    folder = make_denoiser()
    (folder / RECIPE).write_text(json.dumps({"imported_from": {"file": "net.pth"}}))
    found = compare([load_contestant("denoiser", folder)], tiny_data / "val", tmp_path / "cache", CPU)
    assert (found.protocol.scale, found.protocol.degradation) == (1, "noise")
    assert found.rows[0] == ("input", bicubic_baseline(open_noisy(1).validation))


def test_another_degradation_and_denoiser_may_be_named(
    behind: Callable[..., Model], make_denoiser: MakeDenoiser, tiny_data: Path, tmp_path: Path
) -> None:
    behind(None)
    behind(make_denoiser("a"), "behind")
    both = [load_contestant(name, tmp_path / name) for name in ("model", "behind")]
    with pytest.raises(InputError, match=r"different denoisers \(none, .*a\); name one by --denoise, or evaluate"):
        compare(both, tiny_data / "val", tmp_path / "cache", CPU)
    named = str(make_denoiser("b", seed=1))
    conditions = Conditions(degradation="bicubic", denoiser=named)
    protocol = compare(both, tiny_data / "val", tmp_path / "cache", CPU, conditions).protocol
    assert (protocol.degradation, protocol.denoiser) == ("bicubic", as_denoiser(named, CPU).digest)
