import re
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from nas.data.synthetic import scene
from nas.deploy.locality import GRIDS, redrawn
from nas.deploy.tiles import spans, upscale
from nas.deploy.upscaler import Upscaler
from nas.errors import InputError, RunError
from nas.model import Model
from search_spaces import Architecture
from search_spaces.families.hybrid_seeds import point
from search_spaces.layers.blocks import BLOCKS

HALF_A_COUNT = 0.5 / 65535


def difference(a: Tensor, b: Tensor) -> float:
    return float((a - b).detach().abs().max())


# Spans


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
    assert all(span.read_start % GRIDS[0] == span.keep_start % GRIDS[0] == 0 for span in cut)
    assert all(span.keep_stop - span.keep_start >= max(tile, 2 * overlap) for span in cut[:-1])


# Whole or in tiles


class GlobalGain(nn.Module):
    """Depends on the mean of the whole image, as channel attention does."""

    def forward(self, image: Tensor) -> Tensor:
        return nn.functional.interpolate(image * image.mean(dim=(-2, -1), keepdim=True), scale_factor=2.0)


def test_a_network_that_sees_the_whole_image_is_not_tiled() -> None:
    image, calls = torch.rand(1, 1, 70, 40), []
    tiled = upscale(GlobalGain(), image, 2, tile=16, progress=lambda done, total: calls.append((done, total)))
    assert difference(tiled, GlobalGain()(image)) < 1e-6
    assert calls == [(1, 1)]


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


@pytest.mark.parametrize("tile", [16, 24, 40])
def test_small_tiles_are_computed_in_batches_of_one_size_and_give_the_same(
    make_model: Callable[..., Model], tile: int
) -> None:
    network, image, sizes = make_model("espcn/ESPCN").network, torch.rand(1, 1, 150, 190), []
    calls: list[tuple[int, int]] = []

    def watched(_: nn.Module, inputs: tuple[Tensor]) -> None:
        sizes.append(tuple(inputs[0].shape))

    handle = network.register_forward_pre_hook(watched)
    tiled = upscale(network, image, 2, tile=tile, overlap=16, progress=lambda *n: calls.append(n))
    handle.remove()
    assert difference(tiled, network(image)) <= 1e-5
    assert max(count for count, *_ in sizes) > 1
    assert all(count * height * width <= 128**2 for count, _, height, width in sizes)
    assert calls == [(number, calls[0][1]) for number in range(1, calls[0][1] + 1)]
    assert sum(count for count, *_ in sizes) == len(calls)


def test_too_small_an_overlap_leaves_a_seam(make_model: Callable[..., Model]) -> None:
    model, image = make_model("moremnas/MoreMNAS-C"), torch.rand(1, 1, 61, 83)
    assert difference(upscale(model.network, image, 2, tile=16, overlap=0), model.network(image)) > 1e-3


@pytest.mark.parametrize(("option", "value"), [("tile", 0), ("overlap", -1)])
def test_impossible_tiles_are_refused(make_model: Callable[..., Model], option: str, value: int) -> None:
    with pytest.raises(InputError, match=f"not {value}"):
        upscale(make_model("moremnas/MoreMNAS-C").network, torch.rand(1, 1, 8, 8), 2, **{option: value})


# Networks and blocks of every kind


def textured(height: int, width: int) -> Tensor:
    return torch.from_numpy(scene(3, height, width)).float()[None, None] / 255


@pytest.mark.parametrize("repeats", [1, 2])
@pytest.mark.parametrize("name", BLOCKS)
def test_every_block_gives_the_same_in_tiles_and_whole(name: str, repeats: int) -> None:
    """Also where the whole image must be computed for it; with large weights, so that everything shows."""
    choices = point(f"{name} k{(5, 3)[repeats - 1]} e2 x{repeats}", width=16)
    network, image = redrawn(Architecture("hybrid", 2, 1, choices).build()).eval(), textured(71, 101)
    with torch.no_grad():
        whole = network(image)
    extent = float(whole.max() - whole.min())
    assert difference(upscale(network, image, 2, tile=16), whole) < HALF_A_COUNT * extent


@pytest.mark.parametrize("cells", ["esa k3 e2", "distill k3 e2", "safm k5 e2"])
def test_tiles_of_a_block_that_adapts_to_the_size_would_have_seams(cells: str) -> None:
    network, image = redrawn(Architecture("hybrid", 2, 1, point(cells, width=16)).build()).eval(), textured(71, 101)
    calls: list[tuple[int, int]] = []
    whole = upscale(network, image, 2, tile=16, progress=lambda *n: calls.append(n))
    assert calls == [(1, 1)]
    extent = float(whole.max() - whole.min())
    assert difference(upscale(network, image, 2, tile=16, overlap=48), whole) > HALF_A_COUNT * extent


def test_a_network_is_checked_once_for_all_images(make_model: Callable[..., Model]) -> None:
    upscaler = Upscaler(make_model("espcn/ESPCN", image_skip=True), tile=32)
    for height, width in ((40, 60), (61, 83)):
        pixels = scene(0, height, width)
        calls: list[tuple[int, int]] = []
        upscaler(pixels, progress=lambda *n, calls=calls: calls.append(n))
        assert len(calls) == -(-height // 32) * -(-width // 32)
    assert "locality" in vars(upscaler)


def test_a_small_image_needs_no_check(make_model: Callable[..., Model]) -> None:
    upscaler = Upscaler(make_model("espcn/ESPCN", image_skip=True), tile=100)
    upscaler(scene(0, 61, 83))
    assert "locality" not in vars(upscaler)


# Memory


@pytest.fixture
def attentive() -> Model:
    """A model that is never tiled."""
    architecture = Architecture("hybrid", 2, 1, point("esa k3 e2", width=16))
    torch.manual_seed(0)
    return Model(architecture, architecture.build().eval(), {}, {})


def test_a_whole_image_that_does_not_fit_into_the_memory_is_refused_with_the_size_that_does(attentive: Model) -> None:
    pixels = scene(0, 120, 160)
    enough = 120 * 160 * 4 * 200
    assert Upscaler(attentive, tile=32, memory=enough)(pixels).shape == (240, 320)
    with pytest.raises(RunError, match=r"a\.png has 160x120 pixels.*can't compute in tiles.*GiB are free") as refused:
        Upscaler(attentive, tile=32, memory=enough // 8)(pixels, name="a.png")
    found = re.search(r"about (\d+)x(\d+) pixels\.$", str(refused.value))
    assert found
    width, height = int(found[1]), int(found[2])
    assert 0.7 < width / height / (160 / 120) < 1.4
    fitting = Upscaler(attentive, tile=8, memory=enough // 8)
    assert fitting(pixels[:height, :width]).shape == (2 * height, 2 * width)
    with pytest.raises(RunError):
        fitting(scene(0, 2 * height, 2 * width))


def test_a_network_that_is_tiled_needs_no_memory_for_the_whole(make_model: Callable[..., Model]) -> None:
    assert Upscaler(make_model("espcn/ESPCN"), tile=32, memory=1)(scene(0, 61, 83)).shape == (122, 166)


@pytest.mark.parametrize(("side", "advice"), [(8, r"8x8 pixels at once\.$"), (40, "give a smaller --tile")])
def test_too_little_memory_is_one_sentence(side: int, advice: str) -> None:
    class Greedy(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return torch.empty(1 << 55, dtype=torch.float32)

    with pytest.raises(RunError, match=advice):
        upscale(Greedy(), torch.rand(1, 1, side, side), 2, tile=16, overlap=0)
