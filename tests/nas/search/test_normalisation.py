"""How a run and the trainings after it see their images."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from searches import CPU, RECIPE, Begin, work

from nas.data.dataset import open_dataset
from nas.data.images import read_image, write_image
from nas.data.normalisation import TYPE, Normalisation
from nas.deploy.upscaler import Upscaler
from nas.errors import InputError
from nas.evaluation.comparison import compare
from nas.evaluation.conditions import Conditions
from nas.evaluation.contestant import load_contestant
from nas.jobs.training_plan import plan_training
from nas.metrics import Protocol
from nas.model import ARCHITECTURE, Model, load_model
from nas.search.run import open_run, open_run_data
from nas.search.settings import read_settings
from nas.search.show.artifacts import picture
from nas.training.full import is_trained, train_fully
from nas.training.recipe import load_recipe
from search_spaces import SPACES, Architecture

PERCENTILE = {"kind": "percentile", "low": 14_100, "high": 16_900, "percentiles": [0.1, 99.9], "bits": 16}


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[..., str]:
    """Return a function that writes a recipe with other fields."""

    def write(**fields: Any) -> str:
        path = tmp_path / "own.yaml"
        path.write_text(RECIPE.format(steps=4) + yaml.safe_dump(fields) if fields else RECIPE.format(steps=4))
        return str(path)

    return write


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a model directory whose recipe has the given fields."""

    def save(name: str, **fields: Any) -> Path:
        architecture = Architecture("espcn", 2, 1, SPACES.get("espcn").smallest)
        torch.manual_seed(3)
        recipe = load_recipe("brief", CPU).model_dump(mode="json") | fields
        Model(architecture, architecture.build(), recipe, {}).save(tmp_path / name)
        return tmp_path / name

    return save


@pytest.fixture
def seen(recipe: Callable[..., str], tiny_data16: Path, tmp_path: Path) -> Callable[..., Normalisation]:
    """Return a function that says how `nas train` would normalise the 16-bit images."""

    def seen(*names: object, data: Path | None = tiny_data16, **fields: Any) -> Normalisation:
        asked = {"top": 1, "recipe": recipe(**fields), "data": data and str(data), "results": tmp_path / "results"}
        job = plan_training([str(name) for name in names], CPU, **asked)
        assert job.recipe.normalisation == job.data.normalisation
        return job.recipe.normalisation

    return seen


# A run


def test_a_run_remembers_the_range_and_goes_on_with_it(begin: Begin, tiny_data16: Path, tmp_path: Path) -> None:
    run, data = begin(data=str(tiny_data16))
    remembered = read_settings(run.folder).recipe.normalisation
    assert remembered == run.settings.recipe.normalisation == data.normalisation
    assert remembered.kind == "percentile" and remembered.low is not None and remembered.high is not None
    assert run.protocol.peak == f"{remembered.high - remembered.low:g}"
    begin(data=str(tiny_data16))
    begin(data=str(tiny_data16), recipe=None)
    assert open_run_data(open_run("first", results=tmp_path / "results")).normalisation == remembered


def test_a_run_does_not_go_on_with_another_normalisation(
    begin: Begin, recipe: Callable[..., str], tiny_data16: Path
) -> None:
    begin(data=str(tiny_data16))
    with pytest.raises(InputError, match=r"recipe\.normalisation is .*'percentile'.*, not .*'image'"):
        begin(data=str(tiny_data16), recipe=recipe(normalisation="image"))


def test_candidates_are_models_that_know_their_range(begin: Begin, tiny_data16: Path) -> None:
    run, data = begin(data=str(tiny_data16), trials=1)
    work(run, data)
    (candidate,) = run.candidates()
    model = load_model(run.candidate_folder(candidate.last_trial))
    assert Normalisation.stored(model.recipe) == data.normalisation
    pair = data.validation.pair(0)
    lr = pair.levels.integers(pair.lr)[0, 0].numpy().astype(np.uint16)
    with torch.no_grad():
        sr = pair.levels.integers(model.network(pair.lr))[0, 0].numpy()
    assert np.abs(Upscaler(model)(lr).astype(int) - sr).max() <= 1


def test_a_dead_pixel_does_not_darken_the_picture_of_a_trial(begin: Begin, tiny_data16: Path) -> None:
    _, data = begin(data=str(tiny_data16))
    shown = picture(torch.nn.Upsample(scale_factor=2), data.validation, CPU)
    original = np.hsplit(shown[24:], 4)[2]
    assert data.validation.pair(0).hr.min() < -3
    assert original[:, :-4].std() > 30


# The training of a model


def test_a_models_range_is_kept_unless_the_recipe_names_another(
    seen: Callable[..., Normalisation], save: Callable[..., Path]
) -> None:
    model = save("camera", normalisation=PERCENTILE)
    kept = Normalisation.model_validate(PERCENTILE)
    assert seen(model) == kept
    assert seen(model, normalisation="image").kind == "image"
    assert seen(model, normalisation="auto").low not in (None, kept.low)
    assert seen(model / ARCHITECTURE).low not in (None, kept.low)


def test_imported_weights_take_the_range_of_the_images(
    seen: Callable[..., Normalisation], save: Callable[..., Path]
) -> None:
    assert seen(save("imported", imported_from={"file": "net.pth"})).kind == "percentile"


def test_a_kept_range_that_does_not_fit_is_told_of(
    seen: Callable[..., Normalisation], save: Callable[..., Path]
) -> None:
    with pytest.warns(UserWarning, match=r"use the levels \d+ to \d+, .* of the range 0 to 65535"):
        assert seen(save("camera", normalisation={"kind": "type"})) == TYPE


def test_models_of_different_ranges_are_not_trained_together(
    seen: Callable[..., Normalisation], save: Callable[..., Path]
) -> None:
    model, other = save("one", normalisation=PERCENTILE), save("other", normalisation="image")
    with pytest.raises(InputError, match="trained with different normalisations; train them in separate commands"):
        seen(model, other)
    assert seen(model, other, normalisation="image").kind == "image"


def test_a_runs_front_is_trained_as_it_was_searched(
    begin: Begin, recipe: Callable[..., str], seen: Callable[..., Normalisation], tiny_data16: Path
) -> None:
    run, data = begin(data=str(tiny_data16), trials=1, recipe=recipe(normalisation={"percentiles": [1, 99]}))
    work(run, data)
    assert seen("first", data=None) == data.normalisation
    for file in tiny_data16.rglob("*.png"):
        write_image(file, read_image(file) + 5_000)
    other = seen("first:0", data=tiny_data16)  # a run itself takes no other images
    assert other.low is not None and data.normalisation.low is not None
    assert (other.low, other.percentiles) == (data.normalisation.low + 5_000, (1, 99))


def test_what_a_training_leaves_knows_its_range(tiny_data16: Path, tmp_path: Path) -> None:
    data = open_dataset(tiny_data16, scale=2, cache=tmp_path / "cache")
    architecture = Architecture("espcn", 2, 1, SPACES.get("espcn").smallest)
    recipe = load_recipe("brief", CPU, steps=2, batch=2, patch=8, validations=1, precision="float32")
    model = train_fully(architecture, data, recipe, tmp_path / "model", device=CPU)
    assert Normalisation.stored(model.recipe) == data.normalisation
    protocol = Protocol.of(data.validation, recipe.validation_crop)
    assert is_trained(tmp_path / "model", architecture, recipe.seeing(data.normalisation), protocol)
    assert not is_trained(tmp_path / "model", architecture, recipe.seeing(TYPE), protocol)


# Measuring


def test_models_of_different_ranges_are_compared_by_a_named_peak(
    save: Callable[..., Path], tiny_data16: Path, tmp_path: Path
) -> None:
    folders = [save("one", normalisation=PERCENTILE), save("other", normalisation="image")]
    model, other = (load_contestant(folder.name, folder) for folder in folders)
    images, cache = tiny_data16 / "val", tmp_path / "cache"
    with pytest.raises(InputError, match=r"different peaks \(2800, range of each LR image, .*\); name one by --peak"):
        compare([model, other], images, cache, CPU)
    together = compare([model, other], images, cache, CPU, Conditions(peak=16_383))
    assert together.protocol.peak == "16383"
    bicubic, first, second = (measured.psnr for _, measured in together.rows)
    assert bicubic > max(first, second)
    assert first != second
    alone = compare([model], images, cache, CPU)
    assert alone.protocol.peak == "2800"
    assert alone.rows[1][1].psnr - first == pytest.approx(20 * np.log10(2800 / 16_383))
