from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tiny_images import to_tensor

from nas.data.images import read_image, to_pixels, write_image
from nas.data.synthetic import scene
from nas.deploy.upscale import upscale_files
from nas.errors import InputError
from nas.model import Model
from search_spaces.layers.fused import fused

GRAY = scene(0, 61, 83)
DEEP = GRAY.astype(np.uint16) * 257 + np.arange(83, dtype=np.uint16)


@pytest.fixture
def model(make_model: Callable[..., Model]) -> Model:
    return make_model("moremnas/MoreMNAS-C", image_skip=True)


@pytest.mark.parametrize("pixels", [GRAY, DEEP], ids=["8-bit", "16-bit"])
def test_a_file_keeps_its_bit_depth(model: Model, tmp_path: Path, pixels: np.ndarray) -> None:
    write_image(tmp_path / "in.png", pixels)
    written = upscale_files(model, tmp_path / "in.png", tmp_path / "new" / "out.tif", tile=32).files
    result = read_image(tmp_path / "new" / "out.tif")
    assert written == (tmp_path / "new" / "out.tif",)
    assert result.shape == (122, 166)
    assert np.array_equal(result, to_pixels(fused(model.network)(to_tensor(pixels)), pixels.dtype))
    assert result.dtype == pixels.dtype


def test_a_folder_keeps_names_and_bit_depths(model: Model, tmp_path: Path) -> None:
    source, target, calls = tmp_path / "in", tmp_path / "out", []
    (source / "night").mkdir(parents=True)
    write_image(source / "a.png", GRAY)
    write_image(source / "night" / "b.TIF", DEEP)
    (source / "notes.txt").write_text("not an image")
    written = upscale_files(model, source, target, progress=lambda done, total: calls.append((done, total))).files
    assert written == (target / "a.png", target / "night" / "b.TIF")
    assert [read_image(path).dtype for path in written] == [np.uint8, np.uint16]
    assert sorted(p for p in target.rglob("*") if p.is_file()) == list(written)
    assert calls == [(1, 2), (2, 2)]


def test_the_progress_of_a_file_counts_tiles(model: Model, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    write_image(tmp_path / "in.png", GRAY)
    upscale_files(model, tmp_path / "in.png", tmp_path / "o.png", tile=32, progress=lambda *n: calls.append(n))
    assert calls == [(i, 6) for i in range(1, 7)]


def test_an_existing_target_is_replaced_only_when_asked(model: Model, tmp_path: Path) -> None:
    write_image(tmp_path / "in.png", GRAY)
    (tmp_path / "out.png").write_bytes(b"precious")
    with pytest.raises(InputError, match="--overwrite"):
        upscale_files(model, tmp_path / "in.png", tmp_path / "out.png")
    assert (tmp_path / "out.png").read_bytes() == b"precious"
    upscale_files(model, tmp_path / "in.png", tmp_path / "out.png", overwrite=True)
    assert read_image(tmp_path / "out.png").shape == (122, 166)


def test_what_can_not_be_upscaled_is_refused_before_anything_is_written(model: Model, tmp_path: Path) -> None:
    image, folder, empty = tmp_path / "a.png", tmp_path / "folder", tmp_path / "empty"
    write_image(image, GRAY)
    folder.mkdir()
    write_image(folder / "b.png", GRAY)
    empty.mkdir()
    before = sorted(tmp_path.rglob("*"))
    for source, target, reason in [
        (tmp_path / "none.png", tmp_path / "o.png", "no file or folder"),
        (empty, tmp_path / "o", "holds no image"),
        (folder, image, "is a file, but the source is a folder"),
        (folder, folder / "up", "lies within the source"),
        (image, tmp_path / "o.webp", "images are written as"),
        (image, tmp_path / "o", "images are written as"),
        (image, tmp_path / "o.mp4", "is no video; images are written as"),
        (image, image / "o.png", "a.png is a file"),
    ]:
        with pytest.raises(InputError, match=reason):
            upscale_files(model, source, target)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_damaged_image_is_named_and_leaves_no_partial_file(model: Model, tmp_path: Path) -> None:
    write_image(tmp_path / "in.png", GRAY)
    (tmp_path / "in.png").write_bytes((tmp_path / "in.png").read_bytes()[:300])
    with pytest.raises(InputError, match=r"in\.png"):
        upscale_files(model, tmp_path / "in.png", tmp_path / "out.png")
    assert [path.name for path in tmp_path.iterdir()] == ["in.png"]
