"""The command line as a user meets it: exit codes, errors of one sentence, and the way from search to export."""

import contextlib
import io
import json
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from nas.cli import main
from nas.data.images import read_image, write_image
from nas.data.layout import list_parts

DOTS = Path(__file__).parent / "search" / "spaces" / "dots.py"
BROKEN = DOTS.with_name("broken.py")
RECIPE = """base: brief
name: tiny
steps: 4
batch: 2
patch: 8
validations: 2
validation_crop: 32
precision: float32
"""
SHALLOW = [part for cell in range(1, 8) for part in ("--fix", f"cell{cell}.repeats_log2=0")]
"""Fewer layers, so that the real space trains in a moment."""


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    errors: str

    @property
    def error(self) -> str:
        """The one sentence of a refused command."""
        line, *others = self.errors.splitlines()
        assert others == [], self.errors
        assert line.startswith("Error: ") and line[-1] in ".?", line
        return line.removeprefix("Error: ")


def run_nas(folder: Path, *arguments: object) -> Outcome:
    """Run `nas` in a folder, in this process, since starting one takes seconds; a traceback would fail the test."""
    out, errors, before = io.StringIO(), io.StringIO(), (sys.argv, torch.get_num_threads())
    sys.argv = ["nas", *map(str, arguments)]
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(contextlib.chdir(folder))
            stack.enter_context(contextlib.redirect_stdout(out))
            stack.enter_context(contextlib.redirect_stderr(errors))
            stack.enter_context(warnings.catch_warnings())
            main()
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        sys.argv = before[0]
        torch.set_num_threads(before[1])
    return Outcome(code, out.getvalue(), errors.getvalue())


def copy_images(infrared: Path, folder: Path) -> Path:
    for part, listing, count in zip(("train", "val"), list_parts(infrared, 2, "bicubic"), (4, 2), strict=True):
        (folder / part).mkdir(parents=True)
        for source in listing.sources[:count]:
            write_image(folder / part / f"{source.hr.stem}.png", read_image(source.hr)[100:180, 100:196])
    return folder


class Way:
    """A folder in which one command after the other is given, each building on those before."""

    def __init__(self, folder: Path, infrared: Path) -> None:
        self.folder = folder
        copy_images(infrared, folder / "night")
        (folder / "tiny.yaml").write_text(RECIPE)
        self.search = self.nas(
            *("search", "--run", "first", "--budget", "8G-MACs", "--space", "moremnas", "--data", "night"),
            *("--recipe", "tiny.yaml", "--trials", 3, "--seed", 1, *SHALLOW),
        )
        self.train = self.nas("train", "first", "--top", 2, "--recipe", "tiny.yaml", "--steps", 10)
        self.trained = sorted(path for path in (folder / "results" / "first" / "trained").iterdir() if path.is_dir())
        self.export = self.nas("export", self.trained[0], "--to", "exported")

    def nas(self, *arguments: object) -> Outcome:
        outcome = run_nas(self.folder, *arguments)
        assert outcome.code == 0, outcome.errors
        return outcome


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory, infrared: Path) -> Way:
    return Way(tmp_path_factory.mktemp("way"), infrared)


def test_a_search_ends_with_its_best_network_and_what_to_do_next(way: Way) -> None:
    assert "3 of 3 candidates are trained" in way.search.errors
    best, front, following = way.search.out.splitlines()
    assert best.startswith("Best: ") and "dB" in best and "G MACs" in best
    assert front == "Front: results/first/front/front.png"
    assert following.startswith("Next: nas front first")
    assert {path.name for path in way.folder.iterdir()} >= {"results", "night"}


def test_the_same_search_again_trains_nothing_more(way: Way) -> None:
    again = way.nas("search", "--run", "first", "--budget", "8G-MACs", "--space", "moremnas", "--data", "night")
    assert "The search ends: done; 3 of 3 candidates are trained." in again.errors
    assert len(list((way.folder / "results" / "first" / "candidates").iterdir())) == 3
    assert again.out == way.search.out


def test_the_front_is_a_table_and_plots(way: Way) -> None:
    shown = way.nas("front", "first")
    assert "Front of first (3 trained)" in shown.out
    assert "Hypervolume" in shown.out and "Protocol:" in shown.out
    for name in ("front.png", "front.html", "front.json"):
        assert f"Wrote results/first/front/{name}" in shown.out
        assert (way.folder / "results" / "first" / "front" / name).stat().st_size > 0


def test_the_front_is_json_too(way: Way) -> None:
    front = json.loads(way.nas("front", "first", "--json").out)
    assert all(key in front for key in ("protocol", "bicubic", "hypervolume", "knee"))
    assert front["run"] == "first" and front["trained"] == 3
    assert front["hypervolume_reference"]["macs"] == 8_000_000_000
    assert 1 <= len(front["front"]) <= 3
    macs, psnr = ([member[key] for member in front["front"]] for key in ("macs", "psnr"))
    assert macs == sorted(macs) and psnr == sorted(psnr)
    assert front == json.loads((way.folder / "results" / "first" / "front" / "front.json").read_text())


def test_the_front_is_trained_into_model_directories(way: Way) -> None:
    assert 1 <= len(way.trained) <= 2
    for folder in way.trained:
        assert {path.name for path in folder.iterdir()} == {
            "architecture.yaml",
            "weights.safetensors",
            "recipe.yaml",
            "metrics.json",
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


def test_the_best_network_within_a_tighter_budget_is_named(way: Way) -> None:
    printed = way.nas("front", "first", "--under", "1T-MACs", "--under", "1K-params").out
    assert "Best within 1T-MACs: " in printed and " dB" in printed
    assert "Best within 1K-params: none" in printed


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


def test_costs_stand_beside_the_published_figures(way: Way) -> None:
    shown = way.nas("cost", "falsr/FALSR-B", "first:0", way.trained[0])
    assert "326.0K" in shown.out and "74.70G" in shown.out
    assert "published in arXiv 1901.07261, table 1" in shown.out
    read = json.loads(way.nas("cost", "falsr/FALSR-B", "first:0", "--json").out)
    assert list(read) == ["falsr/FALSR-B", "first:0"]
    assert read["falsr/FALSR-B"]["macs"] == pytest.approx(74.7e9, rel=0.01)


def test_spaces_are_listed(way: Way) -> None:
    assert "FALSR-A" in way.nas("spaces").out
    assert "edge.0-2" in way.nas("spaces", "falsr").out
    assert json.loads(way.nas("spaces", "falsr", "--json").out)["falsr"]["cell1.width"] == [16, 32, 48, 64]


def test_a_good_data_set_is_clean(way: Way) -> None:
    assert "bicubic x2 PSNR dB" in way.nas("data", "check", "night").out
    assert json.loads(way.nas("data", "check", "night", "--json").out)["is_clean"]


def test_a_bad_file_is_named_and_makes_the_check_fail(way: Way) -> None:
    shutil.copytree(way.folder / "night", way.folder / "bad")
    truncate(next((way.folder / "bad" / "val").iterdir()))
    shown = run_nas(way.folder, "data", "check", "bad")
    assert shown.code == 1
    assert f"validation: {next((way.folder / 'bad' / 'val').iterdir()).name} " in shown.out
    assert not json.loads(run_nas(way.folder, "data", "check", "bad", "--json").out)["is_clean"]


def truncate(image: Path) -> None:
    image.write_bytes(image.read_bytes()[:300])


Nas = Callable[..., Outcome]


@pytest.fixture
def nas(tmp_path: Path) -> Iterator[Nas]:
    """Return a function that runs a command in an empty folder; afterwards no run may have appeared there."""
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    yield lambda *arguments: run_nas(tmp_path, *arguments)


@pytest.fixture
def refused(nas: Nas, tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs a command, sees it refused with code 2 and nothing written, and returns why."""

    def refused(*arguments: object) -> str:
        outcome = nas(*arguments)
        assert outcome.code == 2, outcome
        assert runs(tmp_path) == []
        return outcome.error

    return refused


def runs(folder: Path) -> list[str]:
    """Return whatever lies in `results` beside the decoded images."""
    results = folder / "results"
    return sorted(path.name for path in results.iterdir() if path.name != "cache") if results.is_dir() else []


Refused = Callable[..., str]
SEARCH = ("search", "--budget", "8G-MACs", "--space", "moremnas", "--recipe", "tiny.yaml", "--trials", 1)


def test_a_missing_folder_of_images(refused: Refused) -> None:
    assert refused(*SEARCH, "--data", "nowhere") == "nowhere is not a folder of images; it does not exist."


def test_a_folder_without_a_file(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert refused(*SEARCH, "--data", "empty").startswith("empty holds no image (")


def test_a_folder_without_an_image(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("Dear all")
    assert refused(*SEARCH, "--data", "letters").startswith("letters holds no image (")


def test_a_folder_without_a_readable_image(refused: Refused, tiny_data: Path) -> None:
    for image in tiny_data.rglob("*.png"):
        truncate(image)
    assert refused(*SEARCH, "--data", tiny_data, "--skip-bad").startswith(f"{tiny_data} has no usable image")


def test_a_truncated_image_is_named(refused: Refused, tiny_data: Path) -> None:
    image = sorted(tiny_data.rglob("val/*.png"))[0]
    truncate(image)
    assert refused(*SEARCH, "--data", tiny_data).startswith(str(image))


def test_a_truncated_image_may_be_left_out(nas: Nas, tiny_data: Path) -> None:
    image = sorted(tiny_data.rglob("val/*.png"))[0]
    truncate(image)
    search = ("search", "--budget", "1G-MACs", "--space", "dots", "--plugin", DOTS, "--recipe", "tiny.yaml")
    outcome = nas(*search, "--trials", 1, "--run", "a", "--data", tiny_data, "--skip-bad")
    assert outcome.code == 0, outcome.errors
    assert f"left out 1 of the validation set ({image.name} " in outcome.errors
    assert "1 of 1 candidates are trained" in outcome.errors


def test_images_smaller_than_a_patch(refused: Refused, tiny_data: Path) -> None:
    reason = refused(*SEARCH[:5], "--trials", 1, "--data", tiny_data, "--recipe", wide_recipe(tiny_data.parent))
    assert "is 96 x 80 pixels, but at least 200 x 200 are needed" in reason


def wide_recipe(folder: Path) -> Path:
    path = folder / "wide.yaml"
    path.write_text(RECIPE.replace("patch: 8", "patch: 100"))
    return path


@pytest.mark.parametrize(
    ("budget", "reason"),
    [
        ("300 bananas", "'300 bananas' is not a budget; write it as 300G-MACs or 900K-params."),
        ("0G-MACs", "A budget must be at least 1 MACs, not '0G-MACs'."),
        ("1G-MACs", "The budget 1G-MACs is under the smallest network of the space 'moremnas' at x2: "),
        ("1K-params", "The budget 1K-params is under the smallest network of the space 'moremnas' at x2: "),
    ],
)
def test_a_budget_that_nothing_meets(refused: Refused, tiny_data: Path, budget: str, reason: str) -> None:
    said = refused("search", "--budget", budget, "--space", "moremnas", "--data", tiny_data)
    assert said.startswith(reason)
    if "smallest" in said:
        assert said.endswith("G MACs, 9.393K params.") or "K params." in said


def test_no_budget(refused: Refused, tiny_data: Path) -> None:
    assert "--budget 300G-MACs" in refused("search", "--data", tiny_data)
    assert "--budget 300G-MACs" in refused("search", "--run", "new", "--data", tiny_data)


@pytest.mark.parametrize(
    ("option", "wrong", "right"),
    [
        ("--space", "falser", "falsr"),
        ("--proxy", "breif", "brief"),
        ("--sampler", "tpee", "tpe"),
        ("--recipe", "breif", "brief"),
        ("--fix", "cell1.widht=32", "cell1.width"),
    ],
)
def test_a_misspelt_name_suggests_the_nearest(refused: Refused, option: str, wrong: str, right: str) -> None:
    said = refused("search", "--budget", "8G-MACs", option, wrong)
    assert f"named '{wrong.partition('=')[0]}'; did you mean '{right}'?" in said


def test_a_misspelt_published_point_suggests_the_nearest(refused: Refused) -> None:
    assert "did you mean 'FALSR-A'?" in refused("cost", "falsr/FALSRA")
    assert "did you mean 'moremnas'?" in refused("cost", "morenas/MoreMNAS-C")


@pytest.mark.parametrize(("fixed", "why"), [("cell1.width=33", "not 33"), ("cell1.width", "lacks a value")])
def test_a_choice_fixed_to_what_it_can_not_be(refused: Refused, fixed: str, why: str) -> None:
    assert why in refused(*SEARCH, "--fix", fixed)


def test_a_scale_that_no_network_has(refused: Refused, tiny_data: Path) -> None:
    said = "The space 'moremnas' builds scales [2, 3, 4], not 7."
    assert refused(*SEARCH, "--data", tiny_data, "--scale", 7) == said
    assert refused("cost", "moremnas/MoreMNAS-C", "--scale", 7) == said


def test_a_wrong_time(refused: Refused, tiny_data: Path) -> None:
    said = refused(*SEARCH, "--data", tiny_data, "--time", "soon")
    assert said == "'soon' is not a time; write it as 90s, 20m or 2h."


@pytest.mark.parametrize("trials", [0, -3])
def test_no_trials(refused: Refused, tiny_data: Path, trials: int) -> None:
    assert str(trials) in refused(*SEARCH[:-2], "--data", tiny_data, "--trials", trials)


@pytest.mark.parametrize("name", ["a/b", "two words", ".."])
def test_a_run_name_that_is_no_folder_of_its_own(refused: Refused, tiny_data: Path, tmp_path: Path, name: str) -> None:
    before = sorted(tmp_path.iterdir())
    said = refused(*SEARCH, "--data", tiny_data, "--run", name)
    assert f"'{name}'" in said
    assert [path for path in sorted(tmp_path.iterdir()) if path.name != "results"] == before


def test_a_plugin_that_is_not_there_or_fails(refused: Refused, tmp_path: Path) -> None:
    assert "The plugin mine.py can't be loaded" in refused(*SEARCH, "--plugin", "mine.py")
    (tmp_path / "mine.py").write_text("1 / 0\n")
    said = refused(*SEARCH, "--plugin", "mine.py")
    assert said == "The plugin mine.py can't be loaded: division by zero."


@pytest.mark.parametrize(
    "url",
    [
        "no-url",
        "sqlite:////no/such/folder/study.db",
        "postgresql+psycopg://u:secret@127.0.0.1:9/nas",
        "postgresql+psycopg://u:secret@127.0.0.1:port/nas",
        "oracle+nothing://u:secret@127.0.0.1/nas",
    ],
)
def test_a_storage_that_can_not_be_opened(refused: Refused, tiny_data: Path, url: str) -> None:
    said = refused(*SEARCH, "--data", tiny_data, "--storage", url)
    assert "secret" not in said


@pytest.mark.parametrize("command", ["front", "train", "dashboard", "worker"])
def test_a_run_that_is_not_there(refused: Refused, command: str) -> None:
    said = refused(command, "nosuch")
    assert "'nosuch'" in said


@pytest.mark.parametrize(("trial", "why"), [("99", "has trials 0 to"), ("x", "names no trial")])
def test_a_trial_that_is_not_there(way: Way, trial: str, why: str) -> None:
    outcome = run_nas(way.folder, "cost", f"first:{trial}")
    assert outcome.code == 2 and why in outcome.error


def test_an_existing_run_with_other_settings(way: Way) -> None:
    before = (way.folder / "results" / "first" / "search.yaml").read_text()
    outcome = run_nas(way.folder, "search", "--run", "first", "--budget", "9G-MACs", "--seed", 2)
    assert outcome.code == 2
    assert outcome.error.startswith("The run 'first' exists with other settings (")
    assert "budgets is ['8G-MACs'], not ['9G-MACs']" in outcome.error
    assert "seed is 1, not 2" in outcome.error
    assert (way.folder / "results" / "first" / "search.yaml").read_text() == before


def test_an_existing_run_with_other_images(way: Way) -> None:
    shutil.copytree(way.folder / "night" / "train", way.folder / "day")
    outcome = run_nas(way.folder, "search", "--run", "first", "--data", "day")
    assert outcome.code == 2
    assert "data_fingerprint" in outcome.error


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


def test_a_dashboard_for_everyone_needs_a_password(way: Way) -> None:
    outcome = run_nas(way.folder, "dashboard", "first", "--host", "0.0.0.0")
    assert outcome.code == 2
    assert "--host 0.0.0.0 lets anyone on the network delete the study" in outcome.error


def test_a_worker_needs_to_know_where_its_search_is(refused: Refused) -> None:
    assert refused("worker") == "Name a run, or give both --storage and --study."


def test_a_search_in_which_everything_fails_is_a_failure(nas: Nas, tiny_data: Path) -> None:
    outcome = nas(
        *("search", "--run", "bad", "--space", "broken", "--plugin", BROKEN, "--fix", "how=raises"),
        *("--budget", "1G-MACs", "--data", tiny_data, "--recipe", "tiny.yaml", "--trials", 3),
    )
    assert "10 candidates in a row failed" in outcome.errors
    assert "the frobnicator is" in outcome.errors
    assert outcome.code == 1


def test_nas_is_a_program(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nas", "spaces", "flasr"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: There is no space named 'flasr'; did you mean 'falsr'?\n"
    assert list(tmp_path.iterdir()) == []
