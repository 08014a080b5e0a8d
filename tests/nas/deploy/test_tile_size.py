"""The size of tiles follows from the free memory, which is measured."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from nas.data.synthetic import scene
from nas.deploy.memory import _groups, _of_container, free_memory, peak_of
from nas.deploy.tile_size import FASTEST, Room
from nas.deploy.upscaler import Upscaler
from nas.errors import RunError
from nas.model import Model

MIB = 2**20


@pytest.fixture(scope="module")
def model(make_model: Callable[..., Model]) -> Model:
    return make_model("espcn/ESPCN")


def tiles_of(upscaler: Upscaler, height: int, width: int) -> int:
    calls: list[tuple[int, int]] = []
    upscaler(scene(0, height, width), progress=lambda *n: calls.append(n))
    return len(calls)


def test_an_image_is_computed_whole_where_that_is_fast_and_fits(model: Model) -> None:
    assert tiles_of(Upscaler(model), 200, 256) == 1
    assert tiles_of(Upscaler(model), 200, 300) == 2
    assert FASTEST["cpu"] == 256


@pytest.mark.parametrize("mib", [24, 8, 3])
def test_less_memory_gives_smaller_tiles_and_the_same_pixels(model: Model, mib: int) -> None:
    pixels = scene(0, 200, 256)
    whole, small = Upscaler(model), Upscaler(model, memory=mib * MIB)
    calls: list[tuple[int, int]] = []
    result = small(pixels, progress=lambda *n: calls.append(n))
    assert np.abs(result.astype(int) - whole(pixels)).max() <= 1
    assert len(calls) >= {24: 2, 8: 6, 3: 12}[mib]


def test_what_a_tile_takes_fits_into_the_memory_that_it_was_chosen_for(model: Model) -> None:
    room = Room(model.architecture, model.network, "cpu", 16 * MIB)
    locality = Upscaler(model).locality
    assert locality is not None
    tile = room.tile(2000, 2000, locality, "a.png")
    assert 16 <= tile < 256
    assert tile % 16 == 0
    image = torch.rand(1, 1, tile + 32, tile + 32)
    with torch.no_grad():
        model.network(image)
        taken = peak_of(lambda: model.network(image))
    assert taken is None or taken < 16 * MIB


def test_too_little_memory_for_the_smallest_tile_is_one_sentence(model: Model) -> None:
    with pytest.raises(
        RunError, match=r"^a\.png: the smallest tile of this network, \d+ pixels .* 0 MiB are free; close"
    ):
        Upscaler(model, memory=1000)(scene(0, 200, 256), name="a.png")


def test_the_peak_of_some_work_is_measured() -> None:
    taken = peak_of(lambda: torch.ones(64 * MIB // 4).sum())
    assert taken is None or 60 * MIB < taken < 100 * MIB


def test_what_is_free_is_known() -> None:
    free = free_memory("cpu")
    assert free is None or 2**20 < free < 2**50


def test_a_container_has_what_its_limit_leaves(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("700000\n")
    (tmp_path / "memory.stat").write_text("anon 600000\ninactive_file 90000\n")
    assert _of_container(tmp_path) == 390_000
    (tmp_path / "memory.max").write_text("max\n")
    assert _of_container(tmp_path) is None
    assert _of_container(tmp_path / "none") is None


def test_a_container_of_the_first_version_has_what_its_limit_leaves(tmp_path: Path) -> None:
    (tmp_path / "memory.limit_in_bytes").write_text("1000000\n")
    (tmp_path / "memory.usage_in_bytes").write_text("700000\n")
    (tmp_path / "memory.stat").write_text("total_inactive_file 90000\ninactive_file 1\n")
    assert _of_container(tmp_path) == 390_000


def test_the_limits_of_all_groups_around_a_process_count(tmp_path: Path) -> None:
    own = tmp_path / "cgroup"
    own.write_text("0::/user.slice/nas.scope\n")
    assert list(_groups(own, tmp_path / "fs")) == [
        tmp_path / "fs",
        tmp_path / "fs/user.slice/nas.scope",
        tmp_path / "fs/user.slice",
        tmp_path / "fs",
    ]
    own.write_text("5:cpu:/a\n4:memory:/job/7\n")
    assert tmp_path / "fs/memory/job" in list(_groups(own, tmp_path / "fs"))
    assert list(_groups(tmp_path / "none", tmp_path / "fs")) == [tmp_path / "fs"]
