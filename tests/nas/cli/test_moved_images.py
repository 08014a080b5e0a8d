"""A run whose images were moved: every command that needs them says so, takes --data and refuses other images."""

import shutil
from pathlib import Path

from .conftest import SEARCH, SHALLOW, Nas, run_nas

TRAIN = ("train", "first", "--recipe", "tiny.yaml", "--steps", 6)
COMMANDS = {
    "search": ("search", "--run", "first"),
    "worker": ("worker", "first"),
    "train": TRAIN,
    "hand-made": ("hand-made", "first"),
}


def test_commands_ask_for_images_that_were_moved_and_refuse_others(nas: Nas, tiny_data: Path, tmp_path: Path) -> None:
    images = shutil.copytree(tiny_data, tmp_path / "night")
    begun = nas(*SEARCH, "--run", "first", "--data", "night", "--no-rungs", *SHALLOW)
    assert begun.code == 0, begun.errors
    images.rename(moved := tmp_path / "elsewhere")
    shutil.copytree(moved / "train", tmp_path / "day")
    for command in COMMANDS.values():
        missing = nas(*command)
        assert missing.code == 2
        assert missing.error == (
            f"The images of the run 'first' are no longer in {images}; give their folder with --data DIR."
        )
        other = nas(*command, "--data", "day")
        assert other.code == 2 and "are not those of the run 'first' (fingerprint " in other.error, other.errors
    trained = nas(*TRAIN, "--data", moved)
    assert trained.code == 0 and "SYNTHETIC" not in trained.errors, trained.errors
    assert nas("worker", "first", "--data", moved).code == 0
    assert nas("evaluate", "first:0", "--data", moved).code == 0
    assert nas("search", "--run", "first", "--data", moved).code == 0  # which remembers the folder
    assert nas("search", "--run", "first").code == 0


def test_a_project_is_moved_as_a_whole(nas: Nas, tiny_data: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_data, tmp_path / "night")
    assert nas(*SEARCH, "--run", "first", "--data", "night", "--no-rungs", *SHALLOW).code == 0
    (project := tmp_path / "moved").mkdir()
    for name in ("results", "night", "tiny.yaml"):
        (tmp_path / name).rename(project / name)
    assert run_nas(project, *TRAIN).code == 0
