from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_images import to_tensor

from nas.data.degradation import gaussian_noise, get_degradation, low_resolution, read_low_resolution
from nas.data.frames import Frame
from nas.data.images import read_image, resize_bicubic, write_image
from nas.data.synthetic import scene
from nas.errors import InputError

HR = scene(0, 66, 81)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_low_resolution_images_are_rounded_integers_of_the_same_type(dtype: type, scale: int) -> None:
    hr = HR.astype(dtype) * (1 if dtype is np.uint8 else 257)
    lr = low_resolution(hr, scale, "bicubic")
    whole = torch.from_numpy(hr[: 66 // scale * scale, : 81 // scale * scale].astype(np.float32))[None, None]
    exact = resize_bicubic(whole, (66 // scale, 81 // scale))[0, 0].numpy()
    assert lr.dtype == dtype
    assert lr.shape == (66 // scale, 81 // scale)
    assert np.abs(lr - exact.clip(0, np.iinfo(dtype).max)).max() <= 0.51


@pytest.mark.parametrize("scale", [1, 2, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_noise_is_drawn_from_the_digest_of_the_image(scale: int, dtype: type) -> None:
    # The pixels that published figures of denoisers rest on: they must not change.
    hr = HR[: 66 // scale * scale, : 81 // scale * scale].astype(dtype) * (1 if dtype is np.uint8 else 257)
    whole, peak = to_tensor(hr), np.iinfo(dtype).max
    noisy = resize_bicubic(whole, (66 // scale, 81 // scale)) + 15 / 255 * gaussian_noise(whole, scale)
    assert np.array_equal(low_resolution(hr, scale, "noise"), torch.floor(noisy[0, 0].clamp(0, 1) * peak + 0.5))


def test_the_same_image_has_the_same_noise_as_ever() -> None:
    hr = np.arange(64, dtype=np.uint8).reshape(8, 8) * 2 + 60
    assert low_resolution(hr, 1, "noise")[0].tolist() == [63, 60, 80, 57, 49, 102, 85, 69]


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_noise_is_white_and_of_fifteen_grey_levels(scale: int) -> None:
    hr = torch.rand(1, 1, 120 * scale, 150 * scale) / 4 + 0.4
    grey = 255 * (get_degradation("noise")(hr, scale) - get_degradation("bicubic")(hr, scale))[0, 0]
    assert float(grey.std()) == pytest.approx(15, rel=0.03)
    assert abs(float(grey.mean())) < 0.5
    for shifted in (grey[1:] * grey[:-1], grey[:, 1:] * grey[:, :-1]):
        assert abs(float(shifted.mean())) < 0.05 * 15**2


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_noise_is_as_strong_at_every_bit_depth(dtype: type) -> None:
    hr = np.full((64, 64), np.iinfo(dtype).max // 2, dtype)
    lr = low_resolution(hr, 1, "noise")
    assert (lr.shape, lr.dtype) == (hr.shape, dtype)
    assert lr.std() / np.iinfo(dtype).max == pytest.approx(15 / 255, rel=0.05)


def test_a_given_file_is_taken_as_it_is(tmp_path: Path) -> None:
    write_image(tmp_path / "lr.png", HR[:33, :40])
    assert np.array_equal(read_low_resolution(HR, 2, Frame(tmp_path / "lr.png")), read_image(tmp_path / "lr.png"))


def test_a_given_file_must_fit(tmp_path: Path) -> None:
    write_image(tmp_path / "lr.png", HR[:30, :40])
    with pytest.raises(InputError, match=r"40 x 30 pixels, but its HR image needs 40 x 33 at x2"):
        read_low_resolution(HR, 2, Frame(tmp_path / "lr.png"))
    write_image(tmp_path / "deep.png", HR[:33, :40].astype(np.uint16))
    with pytest.raises(InputError, match="is uint16, but its HR image is uint8"):
        read_low_resolution(HR, 2, Frame(tmp_path / "deep.png"))


def narrow() -> np.ndarray:
    """A scene of 16 bits as cameras make it: counts of 7000 to 8275, and a dead pixel."""
    pixels = scene(3, 96, 128).astype(np.uint16) * 5 + 7000
    pixels[40, 40] = 2
    return pixels


def test_sixteen_bits_are_degraded_in_the_range_that_the_scene_uses() -> None:
    noise = {"operations": [{"gaussian-noise": {"level": 10}}]}
    added = low_resolution(narrow(), 1, noise).astype(float) - narrow()
    used = np.percentile(narrow(), 99.9) - np.percentile(narrow(), 0.1)
    assert np.median(np.abs(added)) / 0.6745 == pytest.approx(used * 10 / 255, rel=0.05)
    whole = low_resolution(narrow(), 1, {"range": "type", **noise}).astype(float) - narrow()
    assert np.median(np.abs(whole)) / 0.6745 == pytest.approx(65535 * 10 / 255, rel=0.05)


def test_gain_control_of_sixteen_bits_leaves_its_levels_between_the_darkest_and_the_brightest() -> None:
    lr = low_resolution(narrow(), 2, {"operations": ["resize", {"agc": {"bits": 6, "tails": 0.5}}]})
    assert len(np.unique(lr)) <= 64
    assert 6900 < lr.min() < lr.max() < 8400


def test_the_range_does_not_matter_to_what_is_linear() -> None:
    scene_range, type_range = (
        low_resolution(narrow(), 2, {"range": range_, "operations": ["resize"]}) for range_ in ("scene", "type")
    )
    assert np.abs(scene_range.astype(int) - type_range).max() <= 1
    assert np.array_equal(type_range, low_resolution(narrow(), 2, "bicubic"))


def test_eight_bits_always_use_the_whole_range() -> None:
    hr = HR // 4 + 90
    assert np.array_equal(
        *(low_resolution(hr, 2, {"range": r, "operations": [{"quantise": {"bits": 3}}]}) for r in ("scene", "type"))
    )


def test_an_even_image_of_sixteen_bits_stays_as_it_is() -> None:
    even = np.full((32, 32), 8000, np.uint16)
    assert np.array_equal(
        low_resolution(even, 2, {"operations": ["resize", {"jpeg": {"quality": 90}}]}), even[:16, :16]
    )
