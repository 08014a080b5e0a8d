"""Commands around a search: the way to its front, and what is refused in one sentence."""

import json
import re
import shutil
from pathlib import Path

import pytest

from .conftest import BROKEN, DOTS, RECIPE, SEARCH, Nas, Refused, Way, run_nas, truncate


def test_a_search_ends_with_its_best_network_and_what_to_do_next(way: Way) -> None:
    assert "3 of 3 candidates were tried" in way.search.errors
    best, front, following = way.search.out.splitlines()
    assert best.startswith("Best: ") and "dB" in best and "G MACs" in best
    assert front == "Front: results/first/front/front.png"
    assert following.startswith("Next: nas front first")
    assert {path.name for path in way.folder.iterdir()} >= {"results", "night"}


def test_the_same_search_again_trains_nothing_more(way: Way) -> None:
    again = way.nas("search", "--run", "first", "--budget", "8G-MACs", "--space", "moremnas", "--data", "night")
    assert "The search ends: done; 3 of 3 candidates were tried." in again.errors
    assert len(list((way.folder / "results" / "first" / "candidates").iterdir())) == 3
    assert again.out == way.search.out


def test_the_front_is_a_table_and_plots(way: Way) -> None:
    shown = way.nas("front", "first")
    assert "Front of first (3 trained)" in shown.out
    assert "Protocol:" in shown.out
    assert re.search(r"Hypervolume [0-9.e-]+ dB·octaves against [0-9.]+ dB, 8\.000G MACs for HR 1280x720", shown.out)
    for name in ("front.png", "front.html", "front.json"):
        assert f"Wrote results/first/front/{name}" in shown.out
        assert (way.folder / "results" / "first" / "front" / name).stat().st_size > 0


def test_the_front_is_json_too(way: Way) -> None:
    front = json.loads(way.nas("front", "first", "--json").out)
    assert all(key in front for key in ("protocol", "bicubic", "hypervolume", "knee"))
    assert (front["objectives"], front["hypervolume_unit"]) == (["psnr", "macs"], "dB·octaves")
    assert front["run"] == "first" and front["trained"] == 3
    assert front["hypervolume_reference"]["macs"] == 8_000_000_000
    assert 1 <= len(front["front"]) <= 3
    macs, psnr = ([member[key] for member in front["front"]] for key in ("macs", "psnr"))
    assert macs == sorted(macs) and psnr == sorted(psnr)
    assert front == json.loads((way.folder / "results" / "first" / "front" / "front.json").read_text())


def test_the_best_network_within_a_tighter_budget_is_named(way: Way) -> None:
    printed = way.nas("front", "first", "--under", "1T-MACs", "--under", "1K-params").out
    data = json.loads(way.nas("front", "first", "--under", "1T-MACs", "--under", "1K-params", "--json").out)
    best = max(data["candidates"], key=lambda candidate: candidate["psnr"])
    assert data["best_within"] == {"1T-MACs": best, "1K-params": None}
    assert "Best within 1T-MACs for HR 1280x720: " in printed and " dB" in printed
    assert "Best within 1K-params for HR 1280x720: none" in printed


def test_a_search_by_other_objectives_from_its_command_to_its_front(nas: Nas, tiny_data: Path) -> None:
    outcome = nas(
        *("search", "--objectives", "ssim, memory", "--budget", "90MiB-memory", "--space", "dots", "--plugin", DOTS),
        *("--data", tiny_data, "--recipe", "tiny.yaml", "--trials", 3, "--stop-when-flat", 9, "--run", "lean"),
    )
    assert outcome.code == 0, outcome.errors
    assert "within 90MiB-memory for HR 1280x720, by ssim and memory, on rungs of 1 and 4 steps" in outcome.errors
    assert re.search(r"Best: .*, [0-9.]+ dB \(.* over bicubic\), 0\.[0-9]{4} SSIM, [0-9.]+ MiB memory", outcome.out)
    shown = nas("front", "lean", "--under", "50MiB-memory").out
    assert "Best within 50MiB-memory for HR 1280x720: " in shown and "SSIM·octaves against 0." in shown


@pytest.mark.parametrize("objectives", ["psnr", "psnr,ssim", "macs,params", "psnr,macs,psnr"])
def test_objectives_that_leave_nothing_to_weigh(refused: Refused, objectives: str) -> None:
    said = refused(*SEARCH, "--objectives", objectives)
    assert said.startswith(f"'{objectives}' can't be searched for; give two to four different objectives")


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
    assert "1 of 1 candidates were tried" in outcome.errors


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
        (
            "300 bananas",
            "'300 bananas' is not a budget; write it as 300G-MACs, 900K-params, 40M-activations, 20-convs, 33ms or "
            "64MiB-memory.",
        ),
        ("0G-MACs", "A budget must be at least 1 MACs, not '0G-MACs'."),
        ("1G-MACs", "No network of 'moremnas' fits 1G-MACs at x2, HR 1280x720; its cheapest needs "),
        (
            "1K-params",
            "No network of 'moremnas' fits 1K-params at x2, HR 1280x720; its cheapest needs ",
        ),
    ],
)
def test_a_budget_that_nothing_meets(refused: Refused, tiny_data: Path, budget: str, reason: str) -> None:
    said = refused("search", "--budget", budget, "--space", "moremnas", "--data", tiny_data)
    assert said.startswith(reason)
    if "cheapest" in said:
        assert said.endswith("G MACs, 9.393K params.") or "K params." in said


def test_no_budget(refused: Refused, tiny_data: Path) -> None:
    assert "--budget 300G-MACs" in refused("search", "--data", tiny_data)
    assert "--budget 300G-MACs" in refused("search", "--run", "new", "--data", tiny_data)


@pytest.mark.parametrize(
    ("option", "wrong", "right"),
    [
        ("--space", "falser", "falsr"),
        ("--sampler", "tpee", "tpe"),
        ("--screen", "surrogat", "surrogate"),
        ("--objectives", "psnr,mcas", "macs"),
        ("--recipe", "breif", "brief"),
        ("--fix", "cell1.kernle=3", "cell1.kernel"),
    ],
)
def test_a_misspelt_name_suggests_the_nearest(refused: Refused, option: str, wrong: str, right: str) -> None:
    said = refused("search", "--budget", "8G-MACs", option, wrong)
    name = wrong.partition("=")[0].rpartition(",")[2]
    assert f"named '{name}'; did you mean '{right}'?" in said


@pytest.mark.parametrize(("fixed", "why"), [("cell1.width=33", "not 33"), ("cell1.width", "lacks a value")])
def test_a_choice_fixed_to_what_it_can_not_be(refused: Refused, fixed: str, why: str) -> None:
    assert why in refused(*SEARCH, "--fix", fixed)


@pytest.mark.parametrize("rungs", ["900,300", "100,100", "0,9", "soon", "", "1e3", "-1,5", "9" * 40])
def test_wrong_rungs(refused: Refused, rungs: str) -> None:
    assert "write them as 100,300,900" in refused(*SEARCH, f"--rungs={rungs}")


def test_rungs_and_none_of_them(refused: Refused) -> None:
    assert "exclude each other" in refused(*SEARCH, "--rungs", "1,2", "--no-rungs")


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
def test_a_storage_that_can_not_be_opened(
    refused: Refused, tiny_data: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAS_PATIENCE_SECONDS", "1")
    said = refused(*SEARCH, "--data", tiny_data, "--storage", url)
    assert "secret" not in said


@pytest.mark.parametrize("command", ["front", "train", "dashboard", "worker"])
def test_a_run_that_is_not_there(refused: Refused, command: str) -> None:
    said = refused(command, "nosuch")
    assert "'nosuch'" in said


def test_an_existing_run_with_other_settings(way: Way) -> None:
    before = (way.folder / "results" / "first" / "search.yaml").read_text()
    outcome = run_nas(way.folder, "search", "--run", "first", "--budget", "9G-MACs", "--seed", 2)
    assert outcome.code == 2
    assert outcome.error.startswith("The run 'first' has other settings (")
    assert "budgets is ['8G-MACs'], not ['9G-MACs']" in outcome.error
    assert "seed is 1, not 2" in outcome.error
    assert (way.folder / "results" / "first" / "search.yaml").read_text() == before


def test_an_existing_run_with_other_images(way: Way) -> None:
    shutil.copytree(way.folder / "night" / "train", way.folder / "day")
    outcome = run_nas(way.folder, "search", "--run", "first", "--data", "day")
    assert outcome.code == 2
    assert outcome.error.startswith(f"The images in {way.folder / 'day'} are not those of the run 'first' (")


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


def test_a_narrowed_search_at_a_size_of_its_own(nas: Nas, tiny_data: Path) -> None:
    (tiny_data.parent / "few.yaml").write_text("space: dots\nallow: {width: {max: 8}}\nfix: {kernel: 1}\n")
    plugin = ("--plugin", DOTS)
    outcome = nas(
        *("search", "--space", "few.yaml", *plugin, "--budget", "30M-MACs", "--lr", "320x256", "--run", "few"),
        *("--data", tiny_data, "--recipe", "tiny.yaml", "--trials", 3),
    )
    assert outcome.code == 0, outcome.errors
    assert "3 candidates of 'dots' as narrowed x2 within 30M-MACs for HR 640x512" in outcome.errors
    (tiny_data.parent / "few.yaml").unlink()
    assert "3 of 3 candidates were tried" in nas("search", "--run", "few").errors
    assert "MACs for HR 640x512" in nas("front", "few").out
    for candidate in range(3):
        read = nas(*plugin, "cost", f"few:{candidate}", "--lr", "320x256", "--json").out
        assert json.loads(read)[f"few:{candidate}"]["macs"] < 30e6


def test_a_narrowed_space_that_is_wrong(refused: Refused, tiny_data: Path) -> None:
    (tiny_data.parent / "few.yaml").write_text("space: moremnas\nallow: {cell1.widht: [16]}\n")
    said = refused("search", "--budget", "8G-MACs", "--space", "few.yaml", "--data", tiny_data)
    assert (
        said == "few.yaml: There is no choice of the space 'moremnas' named 'cell1.widht'; did you mean 'cell1.width'?"
    )
    assert refused("search", "--budget", "8G-MACs", "--space", "no.yaml") == "There is no file no.yaml."
