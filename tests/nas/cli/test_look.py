"""Commands that look at what there is."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from radiometric_files import dji_jpeg

from nas.data.images import read_image

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
    one = way.nas("spaces", "falsr").out
    assert "edge.0-2" in one and "37.61" in one
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
    assert "has no {model}, for which" in refused("cost", "espcn/ESPCN", "--latency-command", "bench 640")


def test_a_misspelt_published_point_suggests_the_nearest(refused: Refused) -> None:
    assert "did you mean 'FALSR-A'?" in refused("cost", "falsr/FALSRA")
    assert "did you mean 'moremnas'?" in refused("cost", "morenas/MoreMNAS-C")


def test_a_scale_that_no_network_has(refused: Refused, tiny_data: Path) -> None:
    said = "The space 'moremnas' builds scales [2, 3, 4], not 7."
    assert refused(*SEARCH, "--data", tiny_data, "--scale", 7) == said
    assert refused("cost", "moremnas/MoreMNAS-C", "--scale", 7) == said


@pytest.mark.parametrize(("trial", "why"), [("99", "has trials 0 to"), ("x", "names no trial")])
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
    assert re.search(r"'normalisation: auto' .* for these: \d+ is seen as 0, .* uses \d+ % of it, and PSNR", shown)


def test_a_bad_file_is_named_and_makes_the_check_fail(way: Way) -> None:
    shutil.copytree(way.folder / "night", way.folder / "bad")
    truncate(next((way.folder / "bad" / "val").iterdir()))
    shown = run_nas(way.folder, "data", "check", "bad")
    assert shown.code == 1
    assert f"validation: {next((way.folder / 'bad' / 'val').iterdir()).name} " in shown.out
    assert not json.loads(run_nas(way.folder, "data", "check", "bad", "--json").out)["is_clean"]


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
