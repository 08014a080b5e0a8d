"""Commands around trained models."""

import csv
import json
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from safetensors.torch import load_file

from nas.model import load_model
from search_spaces import SPACES, Architecture

from .conftest import BROKEN, Nas, Refused, Way, run_nas, truncate


def test_the_front_is_trained_into_model_directories(way: Way) -> None:
    assert 1 <= len(way.trained) <= 2
    for folder in way.trained:
        assert {path.name for path in folder.iterdir()} == {
            "architecture.yaml",
            "weights.safetensors",
            "recipe.yaml",
            "metrics.json",
            "log.csv",
            "training.json",
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


def test_a_trial_stands_for_its_model_fully_trained_if_it_is_and_else_briefly(way: Way) -> None:
    trained = {load_model(path).architecture.fingerprint: path for path in way.trained}
    candidates = sorted((way.folder / "results" / "first" / "candidates").iterdir())
    assert len(candidates) == 3
    for candidate in candidates:
        name = f"first:{candidate.name}"
        full = trained.get(load_model(candidate).architecture.fingerprint)
        model = full or candidate
        for target, source in ((f"of-{candidate.name}", name), (f"same-{candidate.name}", model)):
            done = way.nas("upscale", source, "night/val", target)
            assert (f"{name} was trained only briefly" in done.errors) == (full is None and source == name)
            assert (f"Note: {name} is the fully trained network in results/" in done.errors) == bool(
                full and source == name
            )
        same = [(way.folder / f"{kind}-{candidate.name}").rglob("*.png") for kind in ("of", "same")]
        assert [p.read_bytes() for p in sorted(same[0])] == [p.read_bytes() for p in sorted(same[1])]
    briefly = next(c for c in candidates if load_model(c).architecture.fingerprint not in trained)
    name = f"first:{briefly.name}"
    read = json.loads(way.nas("evaluate", name, "--data", "night/val", "--json").out)
    assert list(read["results"]) == ["bicubic", name]
    told = f"Note: {name} was trained only briefly, by the search; nas train {name} trains it fully\n"
    assert way.nas("export", name, "--to", "exported-brief").errors == told
    assert way.nas("evaluate", name, "--data", "night/val").errors == told
    measured = json.loads(way.nas("cost", name, "--latency", "--lr", "40x30", "--json").out)
    assert measured[name]["latency"]
    written = way.folder / "exported-brief" / "weights.safetensors"
    assert load_file(written).keys() == load_file(briefly / "weights.safetensors").keys()


def test_an_evaluation_has_every_metric_that_is_named(way: Way) -> None:
    names = ["psnr", "ssim", "psnr-hvs", "psnr-hvs-m", "edge-psnr", "mae", "mse"]
    arguments = ("evaluate", "bicubic", way.trained[0], "--data", "night/val", "--metrics", ",".join(names))
    shown = way.nas(*arguments, "--shave", 4).out
    assert "PSNR-HVS" in shown and "MAE" in shown and "shave 4, integer rounding" in shown
    read = json.loads(way.nas(*arguments, "--json").out)
    assert list(read["results"]) == ["bicubic", str(way.trained[0])]
    assert [list(figures) for figures in read["results"].values()] == [names, names]
    assert read["metrics"]["mae"] == {"label": "MAE", "unit": "levels", "higher_is_better": False}


def test_an_evaluation_writes_a_row_an_image_and_a_picture_a_network(way: Way) -> None:
    shown = way.nas("evaluate", *way.trained, "--data", "night/val", "--csv", "out/rows.csv", "--pictures", "out/crops")
    assert "Wrote out/rows.csv" in shown.out
    with (way.folder / "out" / "rows.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    labels = ["bicubic", *map(str, way.trained)]
    assert [row["network"] for row in rows] == [label for label in labels for _ in range(2)]
    read = json.loads(way.nas("evaluate", *way.trained, "--data", "night/val", "--json").out)
    mean = np.mean([float(row["psnr"]) for row in rows if row["network"] == "bicubic"])
    assert mean == pytest.approx(read["results"]["bicubic"]["psnr"], abs=1e-5)
    pictures = sorted((way.folder / "out" / "crops").iterdir())
    assert len(pictures) == len(way.trained)
    assert all(cv2.imread(str(path)).shape[0] > 500 for path in pictures)


def test_bicubic_may_be_measured_alone(way: Way) -> None:
    read = json.loads(way.nas("evaluate", "bicubic", "--data", "night/val", "--scale", 4, "--json").out)
    assert list(read["results"]) == ["bicubic"]
    assert read["protocol"]["scale"] == 4


def test_a_self_ensemble_is_named_in_the_row_and_in_the_protocol(way: Way) -> None:
    read = json.loads(way.nas("evaluate", way.trained[0], "--data", "night/val", "--self-ensemble", "--json").out)
    assert list(read["results"]) == ["bicubic", f"{way.trained[0]} (self-ensemble)"]
    assert read["protocol"]["self_ensemble"] is True


def test_lpips_without_its_weights_is_left_out_with_one_sentence(way: Way) -> None:
    shown = way.nas("evaluate", "bicubic", "--data", "night/val", "--metrics", "psnr,lpips")
    assert "LPIPS is left out: it needs a file of AlexNet's" in shown.out
    assert "--lpips-weights" in shown.out


def test_a_trained_trial_is_measured_by_its_name(way: Way) -> None:
    front = json.loads(way.nas("front", "first", "--json").out)["front"]
    for trained in way.trained:
        point = next(c for c in front if trained.name in (f"trial-{c['trial']}", c["label"].replace("/", "-")))
        name = f"first:{point['trial']}"
        read = json.loads(way.nas("evaluate", name, trained, "--data", "night/val", "--json").out)
        assert read["results"][name] == read["results"][str(trained)]


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
    assert way.nas("upscale", "exported", source, target).out.startswith(f"Wrote {target}\nUpscaled 1 image in ")
    upscaled = cv2.imread(str(way.folder / target), cv2.IMREAD_UNCHANGED)
    assert upscaled is not None and upscaled.shape == (40, 60) and upscaled.dtype == kind


def test_a_folder_is_upscaled(way: Way) -> None:
    assert way.nas("upscale", "exported", "night/val", "large").out.startswith(
        "Wrote 2 images to large\nUpscaled 2 images in "
    )
    assert len(list((way.folder / "large").iterdir())) == 2


@pytest.mark.parametrize("missing", ["architecture.yaml", "weights.safetensors", "recipe.yaml", "metrics.json"])
def test_a_model_directory_that_lacks_a_file(way: Way, tmp_path: Path, missing: str) -> None:
    shutil.copytree(way.trained[0], tmp_path / "model")
    (tmp_path / "model" / missing).unlink()
    for command in (("evaluate", "model", "--data", way.folder / "night"), ("export", "model", "--to", "new")):
        outcome = run_nas(tmp_path, *command)
        assert (outcome.code, outcome.error) == (
            2,
            f"The model directory 'model' lacks {missing}; train or import the network again.",
        )
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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["falsr/FALSR-B"], "falsr/FALSR-B is not trained: there is no results/trained/falsr-FALSR-B; "),
        (["falsr/FALSR-X"], "There is no published point of 'falsr' named 'FALSR-X'"),
        (["theirs.pth"], "There is no model directory 'theirs.pth'."),
        (["bicubic", "--metrics", "psnr,sim"], "There is no metric named 'sim'; did you mean 'ssim'?"),
        (["bicubic", "--metrics", "ms-ssim"], "MS-SSIM needs at least 161 x 161 pixels inside the shaved border, but "),
        (["bicubic", "--channel", "rgb"], "There is no channel named 'rgb'; known are: gray, y."),
        (["bicubic", "--shave", "60"], "A shave of 60 leaves nothing of the 96 x 80 pixels of "),
    ],
)
def test_an_evaluation_that_cannot_be(refused: Refused, tiny_data: Path, arguments: list[str], message: str) -> None:
    assert refused("evaluate", *arguments, "--data", tiny_data / "val").startswith(message)


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
    assert last == "Error: nan failed, see the messages above; the same command tries again."


def write_small(folder: Path, name: str, width: int) -> str:
    (folder / name).write_text(Architecture("espcn", 2, 1, SPACES.get("espcn").smallest | {"width": width}).to_yaml())
    return name


def test_two_architecture_files_of_one_folder_are_trained_by_their_names(
    nas: Nas, tiny_data: Path, tmp_path: Path
) -> None:
    names = [write_small(tmp_path, "a.yaml", 8), write_small(tmp_path, "b.yaml", 16)]
    ended = nas("train", *names, "--recipe", "tiny.yaml", "--data", tiny_data, "--jobs", 1)
    assert ended.code == 0, ended.errors
    assert sorted(path.parent.name for path in (tmp_path / "results").glob("trained/*/metrics.json")) == ["a", "b"]


def test_a_model_of_another_scale_or_length_is_never_replaced(nas: Nas, tiny_data: Path, tmp_path: Path) -> None:
    def train(*more: object) -> str:
        ended = nas("train", "ecbsr/M4C8", "--recipe", "tiny.yaml", "--data", tiny_data, *more)
        assert ended.code == 0, ended.errors
        return ended.errors

    def written() -> dict[str, bytes]:
        return {path.parent.name: path.read_bytes() for path in tmp_path.glob("results/trained/*/weights.safetensors")}

    train()
    first = written()
    assert "holds another training (scale 2); this training goes to results/trained/ecbsr-M4C8-x4." in train(
        "--scale", 4
    )
    train("--steps", 5)
    assert sorted(written()) == ["ecbsr-M4C8", "ecbsr-M4C8-2", "ecbsr-M4C8-x4"]
    assert written()["ecbsr-M4C8"] == first["ecbsr-M4C8"]
    everything = written()
    assert train() and train("--scale", 4) and train("--steps", 5)
    assert written() == everything
    read = json.loads(nas("evaluate", "ecbsr/M4C8", "--scale", 4, "--data", tiny_data / "val", "--json").out)
    assert read["protocol"]["scale"] == 4
    summary = json.loads((tmp_path / "results" / "trained" / "summary.json").read_text())
    assert sorted(Path(row["model"]).name for row in summary) == sorted(everything)


def test_a_training_says_before_it_begins_how_long_it_will_take(nas: Nas, tiny_data: Path) -> None:
    words = ("train", "ecbsr/M4C8", "--data", tiny_data, "--recipe", "tiny.yaml", "--steps", 100)
    said = nas(*words).errors
    line = re.search(
        r"^1 network, 100 steps: about (\d+ s|\d+ min) on (1 core|\d+ of \d+ cores)\.$", said, re.MULTILINE
    )
    assert line and line.start() < said.index("over bicubic")
    assert "1 network" not in nas(*words).errors  # since it is trained


def test_a_full_training_leaves_unreadable_images_out_when_asked(nas: Nas, tiny_data: Path) -> None:
    truncate(image := sorted(tiny_data.rglob("train/*.png"))[0])
    words = ("train", "ecbsr/M4C8", "--recipe", "tiny.yaml", "--data", tiny_data)
    assert nas(*words).error.startswith(str(tiny_data))
    ended = nas(*words, "--skip-bad")
    assert ended.code == 0 and f"left out 1 of the train set ({image.name} " in ended.errors


def test_a_run_in_which_nothing_was_trained_says_what_is_the_matter(nas: Nas, tiny_data: Path) -> None:
    nas(
        *("search", "--run", "bad", "--space", "broken", "--plugin", BROKEN, "--fix", "how=raises"),
        *("--budget", "1G-MACs", "--data", tiny_data, "--recipe", "tiny.yaml", "--trials", 3),
    )
    said = nas("train", "bad")
    assert said.code == 2
    assert said.error.startswith(
        "The run 'bad' has no network that was trained to the end (paused: none; failed: 10, the first "
    )
    assert "frobnicator" in said.error and said.error.endswith("search in another --run.")
    assert "Given up: bad:0, " in nas("front", "bad").out
