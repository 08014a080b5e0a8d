from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from nas.data.images import read_image, to_pixels, to_tensor, write_image
from nas.data.synthetic import scene
from nas.deploy.upscale import GRID, receptive_radius, spans, upscale, upscale_files
from nas.errors import InputError, RunError
from nas.model import Model

GRAY = scene(0, 61, 83)
DEEP = GRAY.astype(np.uint16) * 257 + np.arange(83, dtype=np.uint16)


def difference(a: Tensor, b: Tensor) -> float:
    return float((a - b).detach().abs().max())


# Tiles


@given(length=st.integers(1, 2000), tile=st.integers(1, 300), overlap=st.integers(0, 200))
def test_spans_keep_every_pixel_once_and_read_the_overlap(length: int, tile: int, overlap: int) -> None:
    kept = [pixel for span in spans(length, tile, overlap) for pixel in range(span.keep_start, span.keep_stop)]
    assert kept == list(range(length))
    for span in spans(length, tile, overlap):
        assert span.read_start == 0 or span.keep_start - span.read_start >= overlap
        assert span.read_stop == length or span.read_stop - span.keep_stop >= overlap
        assert 0 <= span.read_start <= span.keep_start < span.keep_stop <= span.read_stop <= length


@given(length=st.integers(1, 2000), tile=st.integers(1, 300), overlap=st.integers(0, 200))
def test_spans_start_on_the_grid_and_the_overlap_is_at_most_half_a_tile(length: int, tile: int, overlap: int) -> None:
    cut = spans(length, tile, overlap)
    assert all(span.read_start % GRID == span.keep_start % GRID == 0 for span in cut)
    assert all(span.keep_stop - span.keep_start >= max(tile, 2 * overlap) for span in cut[:-1])


# The receptive field


@pytest.mark.parametrize(
    ("layers", "radius"),
    [
        ([nn.Conv2d(1, 4, 9, padding=4), nn.ReLU(), nn.Conv2d(4, 1, 3, padding=1)], 5),
        ([nn.Conv2d(1, 1, 3, padding=6, dilation=6)], 6),
        ([nn.Conv2d(1, 1, (1, 7), padding=(0, 3))], 3),
        ([nn.Conv2d(1, 1, (7, 1), padding=(3, 0))], 3),
        ([nn.Conv2d(1, 1, 3, padding=1), nn.MaxPool2d(5, 1, 2)], 3),
        ([nn.Identity()], 2),  # never below what bicubic interpolation reaches
    ],
)
def test_the_receptive_radius_is_that_of_the_layers(layers: list[nn.Module], radius: int) -> None:
    assert receptive_radius(nn.Sequential(*layers), scale=1) == radius


def test_a_layer_at_the_high_resolution_reaches_less_far() -> None:
    network = nn.Sequential(nn.Conv2d(1, 16, 1), nn.PixelShuffle(4), nn.Conv2d(1, 1, 17, padding=8))
    assert receptive_radius(network, scale=4) == 2


def test_zero_weights_do_not_hide_the_receptive_field() -> None:
    layer = nn.Conv2d(1, 1, 7, padding=3)
    nn.init.zeros_(layer.weight)
    assert receptive_radius(layer, scale=1) == 3


class GlobalGain(nn.Module):
    """Depends on the mean of the whole image, as channel attention does."""

    def forward(self, image: Tensor) -> Tensor:
        return nn.functional.interpolate(image * image.mean(dim=(-2, -1), keepdim=True), scale_factor=2.0)


def test_a_network_that_sees_the_whole_image_has_no_radius_and_is_not_tiled() -> None:
    image, calls = torch.rand(1, 1, 70, 40), []
    assert receptive_radius(GlobalGain(), scale=2) is None
    tiled = upscale(GlobalGain(), image, 2, tile=16, progress=lambda done, total: calls.append((done, total)))
    assert difference(tiled, GlobalGain()(image)) < 1e-6
    assert calls == [(1, 1)]


# Upscaling a tensor


# Interpolation by 3 rounds its coordinates to float32, in the whole image to 1e-5 of a pixel at column 147.
@pytest.mark.parametrize(
    ("scale", "image_skip", "tolerance"), [(2, False, 1e-5), (2, True, 1e-5), (3, False, 1e-5), (3, True, 3e-5)]
)
def test_the_smallest_tiles_leave_no_seam(
    make_model: Callable[..., Model], scale: int, image_skip: bool, tolerance: float
) -> None:
    model, image, calls = make_model("falsr/FALSR-B", scale, image_skip=image_skip), torch.rand(1, 1, 77, 147), []
    whole = upscale(model.network, image, scale, tile=None)
    tiled = upscale(model.network, image, scale, tile=1, progress=lambda done, total: calls.append((done, total)))
    assert tiled.shape == (1, 1, 77 * scale, 147 * scale)
    assert tiled.dtype == torch.float32
    assert difference(tiled, whole) <= tolerance
    assert calls == [(i, 6) for i in range(1, 7)]


def test_the_whole_image_at_once_is_what_the_network_gives(make_model: Callable[..., Model]) -> None:
    model, image = make_model("moremnas/MoreMNAS-C"), torch.rand(1, 1, 33, 47)
    assert torch.equal(upscale(model.network, image, 2, tile=None), model.network(image))


def test_too_small_an_overlap_leaves_a_seam(make_model: Callable[..., Model]) -> None:
    model, image = make_model("moremnas/MoreMNAS-C"), torch.rand(1, 1, 61, 83)
    assert difference(upscale(model.network, image, 2, tile=16, overlap=0), model.network(image)) > 1e-3


@pytest.mark.parametrize(("option", "value"), [("tile", 0), ("overlap", -1)])
def test_impossible_tiles_are_refused(make_model: Callable[..., Model], option: str, value: int) -> None:
    with pytest.raises(InputError, match=f"not {value}"):
        upscale(make_model("moremnas/MoreMNAS-C").network, torch.rand(1, 1, 8, 8), 2, **{option: value})


def test_too_little_memory_is_one_sentence() -> None:
    class Greedy(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return torch.empty(1 << 55, dtype=torch.float32)

    with pytest.raises(RunError, match="smaller --tile"):
        upscale(Greedy(), torch.rand(1, 1, 8, 8), 2)


# Files and folders


@pytest.fixture
def model(make_model: Callable[..., Model]) -> Model:
    return make_model("moremnas/MoreMNAS-C", image_skip=True)


@pytest.mark.parametrize("pixels", [GRAY, DEEP], ids=["8-bit", "16-bit"])
def test_a_file_keeps_its_bit_depth(model: Model, tmp_path: Path, pixels: np.ndarray) -> None:
    write_image(tmp_path / "in.png", pixels)
    written = upscale_files(model, tmp_path / "in.png", tmp_path / "new" / "out.tif", tile=32)
    result = read_image(tmp_path / "new" / "out.tif")
    assert written == [tmp_path / "new" / "out.tif"]
    assert result.shape == (122, 166)
    assert np.array_equal(result, to_pixels(model.network(to_tensor(pixels)), pixels.dtype))
    assert result.dtype == pixels.dtype


def test_a_folder_keeps_names_and_bit_depths(model: Model, tmp_path: Path) -> None:
    source, target, calls = tmp_path / "in", tmp_path / "out", []
    (source / "night").mkdir(parents=True)
    write_image(source / "a.png", GRAY)
    write_image(source / "night" / "b.TIF", DEEP)
    (source / "notes.txt").write_text("not an image")
    written = upscale_files(model, source, target, progress=lambda done, total: calls.append((done, total)))
    assert written == [target / "a.png", target / "night" / "b.TIF"]
    assert [read_image(path).dtype for path in written] == [np.uint8, np.uint16]
    assert sorted(p for p in target.rglob("*") if p.is_file()) == written
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
        (image, folder, "is a folder, but the source is a file"),
        (folder, image, "is a file, but the source is a folder"),
        (folder, folder / "up", "lies within the source"),
        (image, tmp_path / "o.webp", "images are written as"),
        (image, tmp_path / "o", "images are written as"),
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
