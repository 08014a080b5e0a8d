import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from nas.deploy.export import Exported, export
from nas.deploy.form import Form
from nas.deploy.onnx import check_onnx
from nas.errors import InputError, RunError
from nas.model import Model, load_model
from nas.training.recipe import load_recipe
from search_spaces import Architecture


@pytest.fixture
def model(make_model: Callable[..., Model]) -> Model:
    return make_model("moremnas/MoreMNAS-C", image_skip=True)


@pytest.fixture(scope="module")
def exported(make_model: Callable[..., Model], tmp_path_factory: pytest.TempPathFactory) -> Exported:
    target = tmp_path_factory.mktemp("export") / "new" / "exported"
    return export(make_model("moremnas/MoreMNAS-C", image_skip=True), target)


@pytest.fixture
def no_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the slow ONNX form out."""
    monkeypatch.setattr("nas.deploy.export.to_onnx", lambda *arguments: None)
    monkeypatch.setattr("nas.deploy.export.check_onnx", lambda *arguments, **others: 0.0)
    monkeypatch.setattr("nas.deploy.export.write_golden", lambda *arguments: None)


def test_an_export_is_a_model_directory_with_the_same_network(model: Model, exported: Exported) -> None:
    read, image = load_model(exported.folder), torch.rand(1, 1, 33, 47)
    assert read.architecture.fingerprint == model.architecture.fingerprint
    assert (read.recipe, read.metrics) == (model.recipe, model.metrics)
    assert torch.equal(read.network(image), model.network(image))
    assert exported.onnx_difference < 1e-4
    assert check_onnx(exported.folder / "model.onnx", read.network) == pytest.approx(exported.onnx_difference, abs=1e-6)


def test_an_export_is_complete_and_leaves_nothing_else(exported: Exported) -> None:
    model = {"architecture.yaml", "weights.safetensors", "recipe.yaml", "metrics.json", "retrain.yaml"}
    names = {*model, "model.onnx", "README.md", "golden/input.bin", "golden/output.bin", "golden/shapes.json"}
    assert {path.relative_to(exported.folder).as_posix() for path in exported.files} == names
    assert {path for path in exported.folder.rglob("*") if path.is_file()} == set(exported.files)
    assert list(exported.folder.parent.iterdir()) == [exported.folder]


def test_the_recipe_trains_it_again(model: Model, exported: Exported) -> None:
    path = exported.folder / "retrain.yaml"
    assert load_recipe(str(path), torch.device("cpu")).model_dump(mode="json") == model.recipe
    assert (
        "# " in path.read_text() and "nas train architecture.yaml --recipe retrain.yaml --data DIR" in path.read_text()
    )
    assert exported.command == f"nas train {exported.folder}/architecture.yaml --recipe {path} --data DIR"


def test_damaged_weights_are_refused_when_loaded(exported: Exported, tmp_path: Path) -> None:
    folder = shutil.copytree(exported.folder, tmp_path / "copy")
    weights = folder / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"weights\.safetensors"):
        load_model(folder)


@pytest.mark.usefixtures("no_onnx")
def test_weights_as_a_training_leaves_them_are_exported(model: Model, tmp_path: Path) -> None:
    model.network.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    image = torch.rand(1, 1, 33, 47)
    read = load_model(export(model, tmp_path / "exported").folder)
    assert torch.allclose(read.network(image), model.network(image), atol=1e-5)


def test_an_existing_folder_is_kept(model: Model, tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("kept")
    with pytest.raises(InputError, match="name a new folder"):
        export(model, tmp_path)
    with pytest.raises(InputError, match="name a new folder"):
        export(model, tmp_path / "precious.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


def test_a_recipe_that_could_not_train_again_is_refused(model: Model, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="recipe"):
        export(replace(model, recipe={"name": "brief"}), tmp_path / "exported")
    assert list(tmp_path.iterdir()) == []


def test_weights_that_are_not_the_architectures_leave_nothing_behind(model: Model, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="don't fit the architecture"):
        export(replace(model, network=nn.Conv2d(1, 1, 3)), tmp_path / "exported")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_onnx")
def test_a_size_that_the_network_can_not_take_is_refused_at_once(model: Model, tmp_path: Path) -> None:
    edsr = replace(model, architecture=Architecture.published("edsr/EDSR-baseline"))
    with pytest.raises(InputError, match="Both sides of 40x1 must have at least 2 pixels"):
        export(edsr, tmp_path / "exported", Form(lr=(40, 1)))


def test_a_wrong_onnx_form_leaves_nothing_behind(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas.deploy.export.check_onnx", lambda *arguments, **others: 0.01)
    with pytest.raises(RunError, match=r"differs by 1\.0e-02"):
        export(model, tmp_path / "exported")
    assert list(tmp_path.iterdir()) == []
