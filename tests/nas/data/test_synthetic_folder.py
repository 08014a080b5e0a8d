from pathlib import Path

import pytest

from nas.data import synthetic_folder
from nas.data.synthetic_folder import write_scenes
from nas.errors import RunError


def test_the_scenes_are_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic_folder, "TRAINING_SCENES", 2)
    monkeypatch.setattr(synthetic_folder, "VALIDATION_SCENES", 1)
    folder = write_scenes(tmp_path)
    stamps = {file.relative_to(folder).as_posix(): file.stat().st_mtime_ns for file in folder.rglob("*.png")}
    assert sorted(stamps) == ["train/scene000.png", "train/scene001.png", "val/scene002.png"]
    assert write_scenes(tmp_path) == folder
    assert all((folder / name).stat().st_mtime_ns == stamp for name, stamp in stamps.items())
    assert [path.name for path in folder.parent.iterdir()] == ["synthetic"]


@pytest.mark.parametrize("damage", ["deleted", "cut", "replaced", "unsealed"])
def test_scenes_that_are_damaged_are_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    monkeypatch.setattr(synthetic_folder, "TRAINING_SCENES", 2)
    monkeypatch.setattr(synthetic_folder, "VALIDATION_SCENES", 1)
    folder = write_scenes(tmp_path)
    before = {file: file.read_bytes() for file in folder.rglob("*.png")}
    first, second, _ = sorted(before)
    if damage == "deleted":
        first.unlink()
    elif damage == "cut":
        first.write_bytes(before[first][:100])
    elif damage == "replaced":
        first.write_bytes(before[second])
    else:
        (folder / ".seal").unlink()
    assert write_scenes(tmp_path) == folder
    assert {file: file.read_bytes() for file in folder.rglob("*.png")} == before
    assert [path.name for path in folder.parent.iterdir()] == ["synthetic"]


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="synthetic scenes can't be written"):
        write_scenes(tmp_path / "file")
