"""Commands around trained models."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from .conftest import BROKEN, Nas, Refused, Way, run_nas


def test_the_front_is_trained_into_model_directories(way: Way) -> None:
    assert 1 <= len(way.trained) <= 2
    for folder in way.trained:
        assert {path.name for path in folder.iterdir()} == {
            "architecture.yaml",
            "weights.safetensors",
            "recipe.yaml",
            "metrics.json",
            "log.csv",
        }
        assert json.loads((folder / "metrics.json").read_text())["steps"] == 10
    summary = json.loads((way.folder / "results" / "first" / "trained" / "summary.json").read_text())
    assert sorted(row["model"] for row in summary) == [str(path.relative_to(way.folder)) for path in way.trained]


def test_the_same_training_again_trains_nothing_more(way: Way) -> None:
    before = [(folder / "weights.safetensors").stat().st_mtime_ns for folder in way.trained]
    again = way.nas("train", "first", "--top", 2, "--recipe", "tiny.yaml", "--steps", 10)
    assert again.out == way.train.out
    assert [(folder / "weights.safetensors").stat().st_mtime_ns for folder in way.trained] == before


def test_models_are_measured_beside_bicubic(way: Way) -> None:
    shown = way.nas("evaluate", *way.trained, "--data", "night/val")
    assert "bicubic" in shown.out and "Protocol:" in shown.out
    read = json.loads(way.nas("evaluate", *way.trained, "--data", "night/val", "--json").out)
    assert list(read["results"]) == ["bicubic", *map(str, way.trained)]
    assert all(result["psnr"] > 20 and 0 < result["ssim"] < 1 for result in read["results"].values())
    assert read["protocol"]


def test_an_export_is_verified_and_is_a_model(way: Way) -> None:
    assert (way.folder / "exported" / "model.onnx").stat().st_size > 0
    assert "ONNX Runtime and PyTorch differ by at most" in way.export.out
    assert "Train it again: nas train exported/architecture.yaml" in way.export.out
    evaluated = json.loads(way.nas("evaluate", "exported", way.trained[0], "--data", "night/val", "--json").out)
    _, exported, model = evaluated["results"].values()
    assert exported == model


def test_an_exported_model_is_trained_again_to_the_same_figures(way: Way) -> None:
    recipe = "exported/retrain.yaml"
    way.nas("train", "exported/architecture.yaml", "--recipe", recipe, "--data", "night")
    again, before = (
        json.loads((way.folder / f / "metrics.json").read_text()) for f in ("results/trained/exported", "exported")
    )
    assert again["psnr"] == before["psnr"]


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_upscaling_doubles_the_size_and_keeps_the_depth(way: Way, kind: type[np.generic]) -> None:
    image = (np.linspace(0, 1, 20 * 30).reshape(20, 30) * np.iinfo(kind).max).astype(kind)
    source, target = way.folder / f"{kind.__name__}.png", f"{kind.__name__}-x2.png"
    cv2.imwrite(str(source), image)
    assert way.nas("upscale", "exported", source, target).out == f"Wrote {target}\n"
    upscaled = cv2.imread(str(way.folder / target), cv2.IMREAD_UNCHANGED)
    assert upscaled is not None and upscaled.shape == (40, 60) and upscaled.dtype == kind


def test_a_folder_is_upscaled(way: Way) -> None:
    assert way.nas("upscale", "exported", "night/val", "large").out == "Wrote 2 images to large\n"
    assert len(list((way.folder / "large").iterdir())) == 2


@pytest.mark.parametrize("missing", ["architecture.yaml", "weights.safetensors", "recipe.yaml", "metrics.json"])
def test_a_model_directory_that_lacks_a_file(way: Way, tmp_path: Path, missing: str) -> None:
    shutil.copytree(way.trained[0], tmp_path / "model")
    (tmp_path / "model" / missing).unlink()
    for command in (("evaluate", "model", "--data", way.folder / "night"), ("export", "model", "--to", "new")):
        outcome = run_nas(tmp_path, *command)
        assert (outcome.code, outcome.error) == (2, f"The model directory 'model' lacks {missing}.")
    assert not (tmp_path / "new").exists()


def test_weights_of_another_network(way: Way, tmp_path: Path) -> None:
    shutil.copytree(way.trained[0], tmp_path / "model")
    file = tmp_path / "model" / "architecture.yaml"
    text = file.read_text()
    assert "image_skip: true" in text
    file.write_text(text.replace("cell1.width: 16", "cell1.width: 64").replace("cell1.width: 32", "cell1.width: 64"))
    if file.read_text() == text:
        file.write_text(
            text.replace("cell1.width: 64", "cell1.width: 32").replace("cell1.width: 48", "cell1.width: 32")
        )
    outcome = run_nas(tmp_path, "upscale", "model", way.folder / "night" / "val", "large")
    assert outcome.code == 2
    assert outcome.error == "The weights in model/weights.safetensors don't fit the architecture beside them."
    assert not (tmp_path / "large").exists()


def test_a_model_directory_that_is_not_there(refused: Refused, tiny_data: Path) -> None:
    assert refused("evaluate", "gone", "--data", tiny_data) == "There is no model directory 'gone'."


def test_a_network_that_diverges_is_named_after_the_table_of_the_others(
    nas: Nas, tiny_data: Path, tmp_path: Path
) -> None:
    for how in ("nan", "works"):
        (tmp_path / how).mkdir()
        choices = f"choices: {{how: {how}, width: 1}}"
        (tmp_path / how / "architecture.yaml").write_text(f"space: broken\nscale: 2\nchannels: 1\n{choices}\n")
    names = [f"{how}/architecture.yaml" for how in ("nan", "works")]
    ended = nas("--plugin", BROKEN, "train", *names, "--recipe", "tiny.yaml", "--data", tiny_data, "--jobs", 1)
    assert ended.code == 1
    assert "works" in ended.out and "Wrote results/trained/summary.json" in ended.out
    first, *_, last = ended.errors.splitlines()
    assert first == "Training 2 networks, 1 at a time, on cpu with 1 thread."
    assert "nan: The loss became nan by step 2." in ended.errors
    assert last == "Error: nan failed, as said above; the same command tries again."
