from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nas.data.dataset import open_dataset, open_images
from nas.data.degradation import Pipeline, get_degradation
from nas.data.image_set import ImageSet
from nas.data.images import write_image
from nas.data.normalisation import TYPE, Normalisation
from nas.data.opening import Denoiser
from nas.data.patches import PatchSampler
from nas.data.synthetic import scene

SMOOTH = {"name": "smooth", "operations": [{"blur": {"sigma": 1.1}}, {"resize": {"methods": ["area"]}}]}
"""Nothing is drawn, and turning the image turns the result."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenes of several sizes, one of them of 16 bits."""
    folder = tmp_path_factory.mktemp("scenes")
    for index, size in enumerate([(96, 130), (101, 77), (120, 64)]):
        pixels = scene(index, *size)
        write_image(folder / f"{index}.png", pixels.astype(np.uint16) * 5 + 7000 if index == 1 else pixels)
    return folder


def opened(folder: Path, description: object, scale: int = 2) -> ImageSet:
    """The scenes with LR images made by a degradation, and their patches afresh whether it is random or not."""
    maker = get_degradation(description)  # type: ignore[arg-type]
    assert isinstance(maker, Pipeline)
    images = open_images(folder, scale=scale, cache=folder / "cache", degradation=maker, normalisation=TYPE)
    return replace(images, afresh=maker)


def draw(images: ImageSet, patch: int, count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    return PatchSampler(images, patch, "cpu").sample(count, torch.Generator().manual_seed(seed))


@given(st.integers(0, 2**32), st.integers(4, 12), st.sampled_from([1, 2, 3]))
@settings(max_examples=20, deadline=None)
def test_a_patch_degraded_afresh_is_the_one_of_the_whole_degraded_image(
    folder: Path, seed: int, patch: int, scale: int
) -> None:
    images = opened(folder, SMOOTH, scale)
    low, high = draw(images, patch, 8, seed)
    whole_low, whole_high = draw(replace(images, afresh=None), patch, 8, seed)
    assert low.shape == (8, 1, patch, patch)
    assert torch.equal(high, whole_high)
    assert (low - whole_low).abs().max() < 1.01 / 255  # a value between two levels may be rounded to the other


@pytest.mark.parametrize("operation", ["column-noise", "row-noise"])
def test_the_camera_is_not_turned_with_the_image(tmp_path: Path, operation: str) -> None:
    write_image(tmp_path / "grey.png", np.full((64, 64), 128, np.uint8))
    images = opened(tmp_path, {"operations": ["resize", {operation: {"level": 20}}]})
    low, _ = draw(images, 8, 40)
    along, across = (-2, -1) if operation == "column-noise" else (-1, -2)
    assert (low.std(along) == 0).all()
    assert (low.std(across) > 0.02).all()


def test_patches_hold_whole_numbers_as_files_do(folder: Path) -> None:
    low, high = draw(opened(folder, "infrared"), 8, 30)
    levels = low.double() * 65535  # 255 divides it
    assert (levels - levels.round()).abs().max() < 0.01
    is_deep = high.amax((1, 2, 3)) < 0.13
    eight_bits = low[~is_deep].double() * 255
    assert (eight_bits - eight_bits.round()).abs().max() < 1e-4
    # Counts of 7000 to 8275 stay there: what is added belongs to the range that the scene uses.
    assert 5 < int(is_deep.sum()) < 25
    assert levels[is_deep].quantile(0.01) > 6800
    assert levels[is_deep].quantile(0.99) < 8500


def test_patches_of_a_normalised_range_are_the_same_counts(folder: Path) -> None:
    images = opened(folder, "infrared")
    narrow = images.normalised(Normalisation(kind="fixed", low=7000, high=8275, bits=16))
    for whole, part in zip(draw(images, 8, 30), draw(narrow, 8, 30), strict=True):
        deep = (whole.amax((1, 2, 3)) < 0.13).nonzero()[:, 0]
        assert torch.allclose(part[deep] * 1275 + 7000, whole[deep] * 65535, atol=0.05)


def test_the_state_of_the_generator_decides_everything(folder: Path) -> None:
    sampler, generator = PatchSampler(opened(folder, "bsrgan"), 16, "cpu"), torch.Generator().manual_seed(3)
    sampler.sample(4, generator)
    state = generator.get_state()
    first, second = sampler.sample(4, generator), sampler.sample(4, generator)
    generator.set_state(state)
    again = PatchSampler(opened(folder, "bsrgan"), 16, "cpu").sample(4, generator)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], second[0])


def test_the_same_place_is_degraded_differently_each_time(tmp_path: Path) -> None:
    write_image(tmp_path / "even.png", np.full((32, 32), 100, np.uint8))
    low, high = draw(opened(tmp_path, "noise"), 16, 4)
    assert (high == high[0]).all()
    assert not any(torch.equal(low[0], other) for other in low[1:])


def test_a_random_degradation_is_drawn_afresh_in_training_alone(tiny_data: Path, tmp_path: Path) -> None:
    data = open_dataset(tiny_data, scale=2, cache=tmp_path / "cache", degradation="bsrgan")
    assert data.train.afresh == get_degradation("bsrgan")
    (first, _), (second, _) = (draw(data.train, 40, 1, seed) for seed in (0, 1))
    assert not any(torch.equal(first[0], torch.rot90(second, turn, (2, 3))[0]) for turn in range(4))
    again = open_dataset(tiny_data, scale=2, cache=tmp_path / "other", degradation="bsrgan")
    assert all(torch.equal(data.validation.pair(i).lr, again.validation.pair(i).lr) for i in range(2))


def test_fixed_images_are_kept_behind_a_denoiser_and_where_nothing_is_drawn(tiny_data: Path, tmp_path: Path) -> None:
    denoiser = Denoiser("none", lambda lr: lr)
    behind = open_dataset(tiny_data, scale=2, cache=tmp_path / "cache", degradation="noise", denoiser=denoiser)
    assert behind.train.afresh is None
    assert open_dataset(tiny_data, scale=2, cache=tmp_path / "cache").train.afresh is None


def test_given_images_win(tmp_path: Path) -> None:
    for part in ("HR", "LR_bsrgan/X2"):
        (tmp_path / part).mkdir(parents=True)
    for index in range(2):
        write_image(tmp_path / "HR" / f"{index}.png", scene(index, 64, 64))
        write_image(tmp_path / "LR_bsrgan" / "X2" / f"{index}.png", scene(index + 5, 32, 32))
    images = open_images(tmp_path, scale=2, cache=tmp_path / "cache", degradation="bsrgan")
    assert (images.afresh, images.degradation, images.lr_is_given) == (None, "bsrgan", True)


def test_the_smallest_image_may_be_as_small_as_a_patch(folder: Path) -> None:
    low, high = draw(opened(folder, "bsrgan"), 32, 6)  # the narrowest has 32 LR columns
    assert (low.shape, high.shape) == ((6, 1, 32, 32), (6, 1, 64, 64))
