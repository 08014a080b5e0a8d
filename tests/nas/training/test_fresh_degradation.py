"""Training on patches that are degraded afresh at each step."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml

from nas.data.dataset import Dataset, open_dataset
from nas.errors import InputError
from nas.evaluation.comparison import compare
from nas.evaluation.contestant import load_contestant
from nas.model import load_model
from nas.training.full import train_fully
from nas.training.recipe import Recipe, load_recipe, parse_recipe
from nas.training.trainer import TrainingStoppedError
from search_spaces import Architecture

CPU = torch.device("cpu")
Make = Callable[..., Recipe]
MINE = {"name": "mine", "operations": ["resize", {"gaussian-noise": {"level": [2, 9]}}]}


@pytest.fixture
def degraded(tiny_data: Path, tmp_path: Path) -> Dataset:
    return open_dataset(tiny_data, scale=2, cache=tmp_path / "cache", degradation="bsrgan", min_lr_side=12)


def test_a_training_that_was_stopped_goes_on_with_the_same_degradations(
    degraded: Dataset, architecture: Architecture, make_recipe: Make, tmp_path: Path
) -> None:
    recipe = make_recipe(steps=12, degradation="bsrgan")
    straight = train_fully(architecture, degraded, recipe, tmp_path / "straight", device=CPU)
    for steps in (5, 1):
        asked = iter(range(100))
        with pytest.raises(TrainingStoppedError):
            train_fully(
                architecture,
                degraded,
                recipe,
                tmp_path / "stopped",
                device=CPU,
                should_stop=lambda asked=asked, steps=steps: next(asked) >= steps,
            )
    resumed = train_fully(architecture, degraded, recipe, tmp_path / "stopped", device=CPU)
    weights = (model.network.state_dict().values() for model in (straight, resumed))
    assert all(torch.equal(first, second) for first, second in zip(*weights, strict=True))
    assert straight.metrics["curve"] == resumed.metrics["curve"]


def test_a_recipe_holds_what_is_in_the_file_that_it_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(yaml.safe_dump({"operations": MINE["operations"]}))
    Path("recipe.yaml").write_text("base: brief\ndegradation: mine.yaml\n")
    for recipe in (load_recipe("recipe.yaml", CPU), load_recipe("brief", CPU, degradation="mine.yaml")):
        assert recipe.degradation == MINE
        Path("again.yaml").write_text(recipe.to_yaml())
        assert load_recipe("again.yaml", CPU) == parse_recipe(recipe.model_dump(mode="json"), CPU) == recipe
        assert "'mine-" in recipe.input_in_words
    assert load_recipe("brief", CPU, degradation="bsrgan").degradation == "bsrgan"


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("none.yaml", r"There is no file none\.yaml"),
        ("{operations: [jpg]}", "no operation named 'jpg'; did you mean 'jpeg'"),
        ("{operation: [jpeg]}", "must be a mapping with the field 'operations'"),
        ("[jpeg]", "the field 'degradation"),
    ],
)
def test_a_wrong_degradation_of_a_recipe_is_named(written: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(f"base: brief\ndegradation: {written}\n")
    with pytest.raises(InputError, match=message):
        load_recipe(str(tmp_path / "recipe.yaml"), CPU)


def test_a_model_knows_its_own_degradation_wherever_it_is_measured(
    tiny_data: Path, architecture: Architecture, make_recipe: Make, tmp_path: Path
) -> None:
    folders = []
    for name, degradation in (("first", MINE), ("second", {**MINE, "name": "other"})):
        data = open_dataset(tiny_data, scale=2, cache=tmp_path / "cache", degradation=degradation, min_lr_side=12)
        recipe = make_recipe(steps=2, validations=1, degradation=degradation)
        train_fully(architecture, data, recipe, tmp_path / name, device=CPU)
        folders.append(tmp_path / name)
    mine, other = (load_contestant(folder.name, folder) for folder in folders)
    assert mine.recipe is not None and mine.recipe["degradation"] == MINE
    evaluation = compare([mine], tiny_data / "val", tmp_path / "cache", CPU)
    assert evaluation.protocol.degradation == load_model(folders[0]).metrics["protocol"]["degradation"]
    assert evaluation.protocol.degradation.startswith("mine-")
    assert evaluation.rows[1][1].psnr == pytest.approx(load_model(folders[0]).metrics["psnr"], abs=1e-3)
    with pytest.raises(InputError, match=r"different degradations \(mine-\w{8}, other-\w{8}\)"):
        compare([mine, other], tiny_data / "val", tmp_path / "cache", CPU)
