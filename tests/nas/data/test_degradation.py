from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from nas.data import degradation
from nas.data.degradation import DEGRADATIONS, get_degradation, low_resolution
from nas.data.images import read_image, write_image
from nas.data.synthetic import scene
from nas.errors import InputError

HR = scene(0, 66, 81)


@pytest.fixture
def overshoot() -> Iterator[str]:
    @degradation.degradation("overshoot")
    def overshoot(hr: Tensor, scale: int) -> Tensor:
        return hr[..., ::scale, ::scale] * 3 - 1

    yield "overshoot"
    degradation._registered.pop("overshoot")


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@pytest.mark.parametrize("name", sorted(DEGRADATIONS))
def test_every_degradation_divides_the_size_and_keeps_the_range(name: str, scale: int) -> None:
    hr = torch.rand(2, 1, 6 * scale, 8 * scale, generator=torch.Generator().manual_seed(0))
    lr = get_degradation(name)(hr, scale)
    assert lr.shape == (2, 1, 6, 8)
    assert (lr >= 0).all()
    assert (lr <= 1).all()
    assert torch.equal(lr, get_degradation(name)(hr, scale))


@pytest.mark.parametrize("value", [0.0, 0.25, 1.0])
def test_bicubic_keeps_a_constant_image(value: float) -> None:
    lr = get_degradation("bicubic")(torch.full((1, 1, 16, 16), value), 2)
    assert torch.allclose(lr, torch.full((1, 1, 8, 8), value), atol=1e-6)


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_noise_is_white_and_of_fifteen_grey_levels(scale: int) -> None:
    hr = torch.rand(1, 1, 120 * scale, 150 * scale) / 4 + 0.4
    grey = 255 * (get_degradation("noise")(hr, scale) - get_degradation("bicubic")(hr, scale))[0, 0]
    assert float(grey.std()) == pytest.approx(15, rel=0.03)
    assert abs(float(grey.mean())) < 0.5
    for shifted in (grey[1:] * grey[:-1], grey[:, 1:] * grey[:, :-1]):
        assert abs(float(shifted.mean())) < 0.05 * 15**2


def test_noise_belongs_to_the_image_alone() -> None:
    first, second = torch.rand(2, 1, 1, 40, 60).unbind()
    noise = degradation.noise
    together = noise(torch.cat([second, first, first]), 2)
    assert torch.equal(together[1], together[2])
    assert torch.equal(together[1:2], noise(first, 2))
    added = [noise(image, 1) - image for image in (first, second)]
    assert abs(float((added[0] * added[1]).mean())) < 0.1 * (15 / 255) ** 2


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_noise_is_as_strong_at_every_bit_depth(dtype: type) -> None:
    hr = np.full((64, 64), np.iinfo(dtype).max // 2, dtype)
    lr = low_resolution(hr, 1, "noise")
    assert (lr.shape, lr.dtype) == (hr.shape, dtype)
    assert lr.std() / np.iinfo(dtype).max == pytest.approx(15 / 255, rel=0.05)


def test_adding_a_degradation_is_adding_one_function(overshoot: str) -> None:
    lr = get_degradation(overshoot)(torch.rand(1, 1, 8, 8), 2)
    assert overshoot in DEGRADATIONS
    assert lr.min() >= 0
    assert lr.max() <= 1


def test_a_name_is_registered_once() -> None:
    with pytest.raises(ValueError, match="already registered"):
        degradation.degradation("bicubic")(lambda hr, scale: hr)


@pytest.mark.parametrize(("wrong", "message"), [("bicubik", "did you mean 'bicubic'"), ("zzz", "known are: .*bicubic")])
def test_an_unknown_name_is_answered_with_a_known_one(wrong: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        get_degradation(wrong)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_low_resolution_images_are_rounded_integers_of_the_same_type(dtype: type, scale: int) -> None:
    hr = HR.astype(dtype) * (1 if dtype is np.uint8 else 257)
    lr = low_resolution(hr, scale, "bicubic")
    whole = torch.from_numpy(hr[: 66 // scale * scale, : 81 // scale * scale].astype(np.float32))[None, None]
    exact = degradation.bicubic(whole, scale)[0, 0].numpy()
    assert lr.dtype == dtype
    assert lr.shape == (66 // scale, 81 // scale)
    assert np.abs(lr - exact.clip(0, np.iinfo(dtype).max)).max() <= 0.51


def test_a_given_file_is_taken_as_it_is(tmp_path: Path) -> None:
    write_image(tmp_path / "lr.png", HR[:33, :40])
    assert np.array_equal(low_resolution(HR, 2, "real", tmp_path / "lr.png"), read_image(tmp_path / "lr.png"))


def test_a_given_file_must_fit(tmp_path: Path) -> None:
    write_image(tmp_path / "lr.png", HR[:30, :40])
    with pytest.raises(InputError, match=r"40 x 30 pixels, but its HR image needs 40 x 33 at x2"):
        low_resolution(HR, 2, "bicubic", tmp_path / "lr.png")
    write_image(tmp_path / "deep.png", HR[:33, :40].astype(np.uint16))
    with pytest.raises(InputError, match="is uint16, but its HR image is uint8"):
        low_resolution(HR, 2, "bicubic", tmp_path / "deep.png")
