"""A run whose `search.yaml` is damaged goes on: its study remembers the settings."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from searches import Begin

from nas.errors import InputError
from nas.search.mended import run_settings
from nas.search.run import open_run
from nas.search.settings import SETTINGS


@pytest.fixture
def run_folder(begin: Begin) -> Path:
    run, _ = begin(run="a")
    return run.folder


def stray_byte(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"scale", b"sc\xe4le"))


def lost_field(path: Path) -> None:
    path.write_text(path.read_text().replace("scale:", "scald:"))


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def of_another(path: Path) -> None:
    path.write_text(path.read_text().replace("study: a", "study: b"))


@pytest.mark.parametrize("damage", [stray_byte, lost_field, cut_off, of_another])
def test_it_is_written_again_and_the_damaged_one_is_kept(run_folder: Path, damage: Callable[[Path], None]) -> None:
    path = run_folder / SETTINGS
    intact, settings = path.read_bytes(), run_settings(run_folder)
    for aside in ("search.yaml.damaged", "search.yaml.damaged2"):
        damage(path)
        damaged = path.read_bytes()
        with pytest.warns(UserWarning, match=rf"search\.yaml.*; it was written again from the study.*now .*{aside}"):
            opened = open_run(str(run_folder))
        assert opened.settings == settings
        assert path.read_bytes() == intact and (run_folder / aside).read_bytes() == damaged
    assert run_settings(run_folder) == settings


def test_the_search_goes_on(run_folder: Path, begin: Begin) -> None:
    cut_off(run_folder / SETTINGS)
    with pytest.warns(UserWarning, match="written again from the study"):
        again, _ = begin(run="a")
    assert again.folder == run_folder


def test_where_no_study_holds_the_settings_the_file_is_named(run_folder: Path) -> None:
    stray_byte(run_folder / SETTINGS)
    for file in run_folder.glob("study.db*"):
        file.unlink()
    with pytest.raises(InputError, match=r"is not UTF-8 .*; no study holds the settings, so put a copy"):
        open_run(str(run_folder))
    assert not (run_folder / "search.yaml.damaged").exists()


def test_a_copied_run_is_no_damaged_one(run_folder: Path) -> None:
    copy = shutil.copytree(run_folder, run_folder.with_name("copy"))
    assert run_settings(copy).run == "copy"
    assert sorted(path.name for path in copy.glob("search.yaml*")) == [SETTINGS]
