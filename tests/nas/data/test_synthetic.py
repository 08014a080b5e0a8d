from pathlib import Path

import numpy as np
import pytest

from nas.data import synthetic
from nas.data.dataset import open_images
from nas.data.images import write_image
from nas.data.synthetic import scene, write_scenes
from nas.errors import RunError
from nas.metrics import bicubic_baseline


def test_a_scene_is_the_same_for_the_same_arguments_and_another_for_others() -> None:
    assert np.array_equal(scene(3), scene(3))
    assert not np.array_equal(scene(3), scene(4))
    assert not np.array_equal(scene(3), scene(3, seed=1))


@pytest.mark.parametrize(("height", "width"), [(256, 320), (32, 32), (97, 131)])
def test_a_scene_has_the_size_asked_for_and_uses_the_range(height: int, width: int) -> None:
    pixels = scene(0, height, width)
    assert (pixels.shape, pixels.dtype) == ((height, width), np.uint8)
    assert pixels.min() < 40
    assert pixels.max() > 215


def test_a_scene_that_is_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32 x 32 pixels, but got 31 x 400"):
        scene(0, 31, 400)


def test_bicubic_does_as_well_as_on_real_infrared_images(tmp_path: Path) -> None:
    for index in range(6):
        write_image(tmp_path / f"{index}.png", scene(index))
    baseline = bicubic_baseline(open_images(tmp_path, scale=2, cache=tmp_path / "cache"))
    assert 33 < baseline.psnr < 38
    assert 0.88 < baseline.ssim < 0.97


def test_what_bicubic_loses_is_edges_more_than_noise() -> None:
    # Noise alone is the same everywhere; edges make the image's gradients heavy-tailed.
    steps = np.abs(np.diff(scene(0).astype(float), axis=1))
    assert np.percentile(steps, 99) > 12 * np.median(steps)


def test_the_scenes_are_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "TRAINING_SCENES", 2)
    monkeypatch.setattr(synthetic, "VALIDATION_SCENES", 1)
    folder = write_scenes(tmp_path)
    stamps = {file.relative_to(folder).as_posix(): file.stat().st_mtime_ns for file in folder.rglob("*.png")}
    assert sorted(stamps) == ["train/scene000.png", "train/scene001.png", "val/scene002.png"]
    assert write_scenes(tmp_path) == folder
    assert all((folder / name).stat().st_mtime_ns == stamp for name, stamp in stamps.items())
    assert [path.name for path in folder.parent.iterdir()] == ["synthetic"]


@pytest.mark.parametrize("damage", ["deleted", "cut", "replaced", "unsealed"])
def test_scenes_that_are_damaged_are_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    monkeypatch.setattr(synthetic, "TRAINING_SCENES", 2)
    monkeypatch.setattr(synthetic, "VALIDATION_SCENES", 1)
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
