"""Commands that look at what there is."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from radiometric_files import dji_jpeg

from nas.data.images import read_image, write_image

from .conftest import SEARCH, Nas, Refused, Way, run_nas, truncate


def test_costs_stand_beside_the_published_figures(way: Way) -> None:
    shown = way.nas("cost", "falsr/FALSR-B", "first:0", way.trained[0])
    assert "326K" in shown.out and "74.7G" in shown.out
    assert "falsr/FALSR-B, paper: arXiv 1901.07261, table 1; 37.61 dB on Set5." in shown.out
    read = json.loads(way.nas("cost", "falsr/FALSR-B", "first:0", "--json").out)
    assert list(read) == ["falsr/FALSR-B", "first:0"]
    assert read["falsr/FALSR-B"]["macs"] == pytest.approx(74.7e9, rel=0.01)


def test_spaces_are_listed(way: Way) -> None:
    assert "FALSR-A" in way.nas("spaces").out
    listed = way.nas("spaces", "falsr").out
    assert "edge.0-2" in listed and "37.61" in listed
    assert json.loads(way.nas("spaces", "--json").out)["falsr"]["architectures"] > 1e24
    data = json.loads(way.nas("spaces", "falsr", "--json").out)["falsr"]
    assert data["choices"]["cell1.width"] == [16, 32, 48, 64]
    assert data["published"]["FALSR-B"]["params"] == 324_745


def test_a_space_narrowed_in_a_file_is_shown(way: Way) -> None:
    (way.folder / "few.yaml").write_text('space: moremnas\nfix: {"cell*.*": 1}\n')
    outcome = run_nas(way.folder, "spaces", "few.yaml")
    assert outcome.code == 2 and outcome.error.startswith("few.yaml: The choice 'cell1.op' may be one of ['conv', ")
    (way.folder / "few.yaml").write_text(
        'space: moremnas\nallow: {"cell*.width": [16, 32]}\nfix: {"cell*.kernel": 1}\n'
    )
    shown = way.nas("spaces", "few.yaml").out
    assert "as narrowed: at most" in shown and "16, 32 " in shown and "48" not in shown


def test_costs_are_for_the_size_that_was_asked(way: Way) -> None:
    usual, sensor, hr = (
        json.loads(way.nas("cost", "moremnas/MoreMNAS-C", *size, "--json").out)["moremnas/MoreMNAS-C"]
        for size in ((), ("--lr", "640x512"), ("--hr", "640x360"))
    )
    assert usual["hr_size"] == [1280, 720] and sensor["hr_size"] == [1280, 1024]
    assert usual["macs"] == 4 * hr["macs"]
    assert sensor["macs"] == usual["macs"] * 512 // 360
    assert "x2, LR 640x512" in way.nas("cost", "first:0", "--lr", "640x512").out


def test_a_size_that_is_none(refused: Refused) -> None:
    said = "'wide' is not an image size; write width and height in pixels, as 1280x720."
    assert refused("cost", "moremnas/MoreMNAS-C", "--hr", "wide") == said
    assert "not both" in refused("cost", "moremnas/MoreMNAS-C", "--hr", "64x64", "--lr", "32x32")


def test_a_command_that_is_given_no_network_to_measure(refused: Refused) -> None:
    assert "has no {model}, which stands for" in refused("cost", "espcn/ESPCN", "--latency-command", "bench 640")


def test_a_misspelt_published_point_suggests_the_nearest(refused: Refused) -> None:
    assert "did you mean 'FALSR-A'?" in refused("cost", "falsr/FALSRA")
    assert "did you mean 'moremnas'?" in refused("cost", "morenas/MoreMNAS-C")


def test_a_scale_that_no_network_has(refused: Refused, tiny_data: Path) -> None:
    said = "The space 'moremnas' builds scales [2, 3, 4], not 7."
    assert refused(*SEARCH, "--data", tiny_data, "--scale", 7) == said
    assert refused("cost", "moremnas/MoreMNAS-C", "--scale", 7) == said


@pytest.mark.parametrize(("trial", "why"), [("99", "has trials 0 to"), ("x", "is not a trial")])
def test_a_trial_that_is_not_there(way: Way, trial: str, why: str) -> None:
    outcome = run_nas(way.folder, "cost", f"first:{trial}")
    assert outcome.code == 2 and why in outcome.error


def test_a_good_data_set_is_clean(way: Way) -> None:
    assert "bicubic x2 PSNR dB" in way.nas("data", "check", "night").out
    assert json.loads(way.nas("data", "check", "night", "--json").out)["is_clean"]


def test_what_sixteen_bit_images_use_is_told(nas: Nas, tiny_data16: Path) -> None:
    first = sorted((tiny_data16 / "train").iterdir())[0]
    (tiny_data16 / "train" / "dji.jpg").write_bytes(dji_jpeg(read_image(first) + 1))
    shown = nas("data", "check", tiny_data16).out
    for row in (
        r"radiometric \(read as counts\) *│ 1 *│ 0",
        r"16-bit levels *│ 2 to \d+: 1[45] bits",
        "levels of one image",
    ):
        assert re.search(row, shown), shown
    expected = r"'normalisation: auto' .* maps \d+ of these images to 0 .* uses \d+ % of this range; the peak of PSNR"
    assert re.search(expected, shown)


def test_a_bad_file_is_named_and_makes_the_check_fail(way: Way) -> None:
    shutil.copytree(way.folder / "night", way.folder / "bad")
    truncate(next((way.folder / "bad" / "val").iterdir()))
    shown = run_nas(way.folder, "data", "check", "bad")
    assert shown.code == 1
    assert f"validation: {next((way.folder / 'bad' / 'val').iterdir()).name} " in shown.out
    assert not json.loads(run_nas(way.folder, "data", "check", "bad", "--json").out)["is_clean"]


def test_pictures_of_runs_and_models_are_no_images(way: Way, nas: Nas, tmp_path: Path, tiny_data: Path) -> None:
    shutil.copytree(tiny_data, tmp_path / "all" / "images")
    shutil.copytree(way.folder / "results" / "first", tmp_path / "all" / "first")
    shutil.copytree(way.folder / "exported", tmp_path / "all" / "exported")
    (tmp_path / "all" / "exported" / "after.png").write_bytes(b"a picture")
    shown = nas("data", "check", "all")
    assert shown.code == 0, shown
    pictures = len(list((tmp_path / "all" / "first").rglob("*.png")))
    assert f"left out: {pictures} file" in shown.out and "(first): pictures of a run, no input" in shown.out
    assert "left out: 1 file (exported): pictures of a model, no input" in shown.out
    assert json.loads(nas("data", "check", "all", "--json").out)["parts"]["train"]["count"] == 4


def test_pictures_that_a_user_has_written_beside_the_images_are_no_images(nas: Nas, tiny_data: Path) -> None:
    for part in ("train", "val"):
        assert (
            nas("data", "preview", tiny_data, "--degradation", "noise", "--to", tiny_data / part / "preview.png").code
            == 0
        )
    shown = nas("data", "check", tiny_data)
    assert shown.code == 0, shown
    assert "left out: 2 files (train/preview.png, val/preview.png): pictures of this program, no input" in shown.out


def test_what_is_left_out_of_a_folder_is_said(nas: Nas, tiny_data: Path) -> None:
    (tiny_data / "LR_bd" / "X3").mkdir(parents=True)
    for file in (tiny_data / "train").iterdir():
        shutil.copy(file, tiny_data / "LR_bd" / "X3")
    for name in ("a.seq", "b.seq", "notes.txt", os.fsdecode(b"K\xe4lte.ptw")):
        (tiny_data / name).touch()
    shown = nas("data", "check", tiny_data)
    assert shown.code == 0
    assert "left out: 2 files (a.seq, b.seq): .seq files are not read" in shown.out
    assert "left out: 1 file (K\\xe4lte.ptw): .ptw files are not read" in shown.out
    assert "left out: 4 files (LR_bd/X3/" in shown.out and "images beside those of training and valid" in shown.out
    assert "left out: 1 file of text, tables and the like" in shown.out
    alike = nas("evaluate", "bicubic", "--data", tiny_data)
    assert "LR images for x3, and this is for bicubic x2" in alike.errors


def test_images_of_two_bit_depths_are_not_measured_as_one(nas: Nas, refused: Refused, tiny_data: Path) -> None:
    first = sorted((tiny_data / "train").iterdir())[0]
    write_image(tiny_data / "train" / "deep.png", read_image(first).astype(np.uint16) * 50)
    why = "it has 6 images of 8 bits and 1 image of 16 bits, whose PSNR has different peaks"
    shown = nas("data", "check", tiny_data)
    assert shown.code == 1
    assert f"{why}; put each depth into a folder of its own" in shown.out
    assert re.search(r"8 bits: \d\d\.\d\d, 16 bits: \d\d\.\d\d *│", shown.out), shown.out
    assert refused("evaluate", "bicubic", "--data", tiny_data) == (
        f"{tiny_data}: {why}; put each bit depth into a folder, and evaluate the folders separately."
    )


def test_a_damaged_cache_is_one_note(nas: Nas, tmp_path: Path, tiny_data: Path) -> None:
    figures = nas("evaluate", "bicubic", "--data", tiny_data, "--json")
    assert figures.code == 0
    for kept in (tmp_path / "results" / "cache").rglob("index.json"):
        kept.write_bytes(b"\xff" + kept.read_bytes())
    again = nas("evaluate", "bicubic", "--data", tiny_data, "--json")
    assert (again.code, again.out) == (0, figures.out)
    assert again.errors.count("are damaged or incomplete; they're made again") == 1


def test_a_file_name_that_is_no_utf8_is_shown_by_its_bytes(nas: Nas, tiny_data: Path) -> None:
    first = sorted((tiny_data / "train").iterdir())[0]
    bad = first.rename(first.with_name(os.fsdecode(b"K\xe4lte.png")))
    assert nas("data", "check", tiny_data).code == 0
    assert nas("data", "check", tiny_data, "--json").code == 0
    truncate(bad)
    shown = nas("data", "check", tiny_data)
    assert shown.code == 1 and "train: K\\xe4lte.png is truncated" in shown.out


def test_a_dashboard_for_everyone_needs_a_password(way: Way) -> None:
    outcome = run_nas(way.folder, "dashboard", "first", "--host", "0.0.0.0")
    assert outcome.code == 2
    assert "--host 0.0.0.0 lets anyone on the network delete the study" in outcome.error


def test_nas_is_a_program(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nas", "spaces", "flasr"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: There is no space named 'flasr'; did you mean 'falsr'?\n"
    assert list(tmp_path.iterdir()) == []


def test_the_chips_are_listed_and_what_they_take_is_shown(nas: Nas) -> None:
    listed = json.loads(nas("targets", "--json").out)
    assert listed["rk3588"]["channel_multiple"] == 16
    assert "nothing was tried on a board" in nas("targets").out
    told = nas("cost", "ecbsr/M4C16", "imdn/IMDN-RTC", "--for", "plain", "--lr", "64x48").out
    assert "ecbsr/M4C16 is taken whole by Convolutions alone." in told
    assert "imdn/IMDN-RTC is refused by Convolutions alone: Concat, Split." in told
    shown = nas("cost", "imdn/IMDN-RTC", "--for", "plain", "--lr", "64x48", "--ops").out
    assert "blocks.0" in shown
    read = json.loads(nas("cost", "imdn/IMDN-RTC", "--for", "plain", "--lr", "64x48", "--json").out)
    assert read["imdn/IMDN-RTC"]["operators"]["Conv"]["taken"] == "yes"


def test_a_chip_that_is_not_known_is_one_sentence(refused: Refused) -> None:
    assert "did you mean 'rk3588'" in refused("cost", "ecbsr/M4C16", "--for", "rk3568")
    assert refused("cost", "ecbsr/M4C16", "--ops") == "--ops lists the operators for a chip; name it by --for."
