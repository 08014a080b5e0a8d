import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor

from nas.data.dataset import Denoiser, ImageSet, open_images
from nas.data.images import to_tensor, write_image
from nas.data.synthetic import scene
from nas.errors import InputError
from nas.metrics import PSNR_LIMIT, Protocol, baseline_name, bicubic_baseline, measure, psnr, ssim

HR = scene(0, 64, 72)
NOISY = np.clip(HR + np.random.default_rng(0).normal(0, 6, HR.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def images(tiny_data: Path, tmp_path: Path) -> ImageSet:
    return open_images(tiny_data / "val", scale=2, cache=tmp_path / "cache")


@given(st.integers(1, 200))
def test_a_constant_offset_gives_the_closed_form(offset: int) -> None:
    hr = torch.full((1, 1, 8, 8), 20 / 255)
    assert psnr(hr + offset / 255, hr, peak=255, shave=2) == pytest.approx(20 * math.log10(255 / offset))


def test_equal_images_have_infinite_psnr_and_ssim_one() -> None:
    image = to_tensor(HR)
    assert psnr(image, image, peak=255, shave=2) == math.inf
    assert ssim(image, image, peak=255, shave=2) == pytest.approx(1)


@pytest.mark.parametrize("shave", [0, 2, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_both_equal_scikit_image(shave: int, dtype: type) -> None:
    peak = np.iinfo(dtype).max
    factor = peak // 255
    sr, hr = NOISY.astype(dtype) * factor, HR.astype(dtype) * factor
    inner = slice(shave, 64 - shave), slice(shave, 72 - shave)
    arguments = {"data_range": peak, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    assert psnr(to_tensor(sr), to_tensor(hr), peak=peak, shave=shave) == pytest.approx(
        peak_signal_noise_ratio(hr[inner], sr[inner], data_range=peak)
    )
    assert ssim(to_tensor(sr), to_tensor(hr), peak=peak, shave=shave) == pytest.approx(
        structural_similarity(hr[inner], sr[inner], **arguments)
    )


def test_ssim_equals_the_papers_formula_in_a_single_window() -> None:
    # 11 x 11 pixels hold exactly one window, so the mean over positions has one term: Wang et al. 2004, eq. 13.
    x, y = NOISY[:11, :11].astype(float), HR[:11, :11].astype(float)
    weights = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window = np.outer(weights, weights) / weights.sum() ** 2
    mean_x, mean_y = (window * x).sum(), (window * y).sum()
    var_x, var_y = (window * (x - mean_x) ** 2).sum(), (window * (y - mean_y) ** 2).sum()
    covariance = (window * (x - mean_x) * (y - mean_y)).sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    expected = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    expected /= (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    assert ssim(x / 255, y / 255, peak=255, shave=0) == pytest.approx(expected)


def test_values_are_rounded_and_clipped_never_truncated() -> None:
    hr = torch.full((1, 1, 6, 6), 100 / 255)
    assert psnr(torch.full((6, 6), 100.49 / 255), hr, peak=255, shave=1) == math.inf
    assert psnr(torch.full((6, 6), 99.51 / 255), hr, peak=255, shave=1) == math.inf
    assert psnr(torch.full((6, 6), 1.7), torch.ones(6, 6), peak=255, shave=1) == math.inf


def test_the_shaved_border_does_not_count() -> None:
    sr, hr = to_tensor(NOISY), to_tensor(HR)
    inner = psnr(sr, hr, peak=255, shave=2), ssim(sr, hr, peak=255, shave=2)
    sr[..., :2, :] = sr[..., -2:, :] = 0
    sr[..., :, :2] = sr[..., :, -2:] = 1
    assert (psnr(sr, hr, peak=255, shave=2), ssim(sr, hr, peak=255, shave=2)) == inner


@pytest.mark.parametrize("shape", [(64, 72), (1, 64, 72), (1, 1, 64, 72)])
def test_arrays_and_tensors_of_any_rank_are_taken(shape: tuple[int, ...]) -> None:
    array = (NOISY / 255).reshape(shape)
    expected = psnr(to_tensor(NOISY), to_tensor(HR), peak=255, shave=2)
    assert psnr(array, to_tensor(HR), peak=255, shave=2) == expected
    assert psnr(torch.from_numpy(array), HR / 255, peak=255, shave=2) == expected


def test_images_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(ValueError, match="one size"):
        psnr(torch.zeros(8, 8), torch.zeros(8, 9), peak=255, shave=0)
    with pytest.raises(ValueError, match="leaves nothing"):
        psnr(torch.zeros(8, 8), torch.zeros(8, 8), peak=255, shave=4)
    with pytest.raises(InputError, match="at least 11 x 11 pixels inside the shaved border, but got 10 x 12"):
        ssim(torch.zeros(16, 14), torch.zeros(16, 14), peak=255, shave=2)


def test_a_measurement_is_the_mean_over_the_images(images: ImageSet) -> None:
    seen: list[tuple[int, int]] = []
    result = measure(_nearest, images, progress=lambda done, total: seen.append((done, total)))
    assert [name for name, *_ in result.per_image] == list(images.names)
    assert result.psnr == pytest.approx(np.mean([quality for _, quality, _ in result.per_image]))
    assert result.ssim == pytest.approx(np.mean([similarity for *_, similarity in result.per_image]))
    pair = images.pair(1)
    assert result.per_image[1][1] == psnr(_nearest(pair.lr), pair.hr, peak=255, shave=2)
    assert seen == [(1, 2), (2, 2)]


def test_a_crop_measures_the_centre_only(images: ImageSet) -> None:
    pair = images.pair(0, crop=48)
    expected = psnr(_nearest(pair.lr), pair.hr, peak=255, shave=2)
    assert measure(_nearest, images, crop=48).per_image[0][1] == expected


def test_ssim_may_be_left_out(images: ImageSet) -> None:
    result = measure(_nearest, images, with_ssim=False)
    assert math.isnan(result.ssim)
    assert result.psnr == measure(_nearest, images).psnr


def test_measuring_needs_no_gradients(images: ImageSet) -> None:
    weight = torch.ones((), requires_grad=True)

    def upscale(lr: Tensor) -> Tensor:
        sr = _nearest(lr) * weight
        assert not sr.requires_grad
        return sr

    measure(upscale, images)


def test_a_blank_frame_does_not_hide_the_other_images(tmp_path: Path) -> None:
    write_image(tmp_path / "blank.png", np.full((64, 64), 80, np.uint8))
    write_image(tmp_path / "scene.png", scene(0, 64, 64))
    result = bicubic_baseline(open_images(tmp_path, scale=2, cache=tmp_path / "cache"))
    assert result.per_image[0][1] == PSNR_LIMIT
    assert math.isfinite(result.psnr)


def test_bicubic_is_better_than_repeating_pixels(images: ImageSet) -> None:
    assert bicubic_baseline(images).psnr > measure(_nearest, images).psnr


def test_the_bicubic_baseline_of_the_development_set_is_known(infrared: Path, tmp_path: Path) -> None:
    images = open_images(infrared / "val", scale=2, cache=tmp_path)
    if images.fingerprint != DEVELOPMENT_SET:
        pytest.skip("the figure is of the 30 images of shared/infrared/val")
    # The same protocol with MATLAB's imresize, mirrored borders and all, gives 34.5371 dB.
    result = bicubic_baseline(images)
    assert result.psnr == pytest.approx(34.537, abs=0.005)
    assert result.ssim == pytest.approx(0.9073, abs=0.0005)


DEVELOPMENT_SET = "4348d7912cb3d52f"


def test_a_protocol_says_what_was_measured_and_survives_json(images: ImageSet) -> None:
    protocol = Protocol.of(images, crop=64)
    assert protocol == Protocol(images.fingerprint, "bicubic", 2, shave=2, crop=64)
    assert Protocol.from_dict(json.loads(json.dumps(protocol.to_dict()))) == protocol
    assert protocol != Protocol.of(images)
    line = protocol.describe()
    assert "\n" not in line
    assert f"data {images.fingerprint}, bicubic x2, gray, shave 2, integer rounding" in line
    assert "centre 64 x 64" in line


def test_the_denoiser_belongs_to_the_protocol(tiny_data: Path, tmp_path: Path, images: ImageSet) -> None:
    denoiser = Denoiser("abc", lambda lr: lr)
    protocol = Protocol.of(open_images(tiny_data / "val", scale=2, cache=tmp_path / "cache", denoiser=denoiser))
    assert protocol != Protocol.of(images)
    assert protocol.to_dict() == Protocol.of(images).to_dict() | {"denoiser": "abc"}
    assert Protocol.from_dict(protocol.to_dict()) == protocol
    assert "bicubic x2 denoised by abc, gray" in protocol.describe()


def test_at_scale_one_the_baseline_is_the_input(tiny_data: Path, tmp_path: Path) -> None:
    noisy = open_images(tiny_data / "val", scale=1, cache=tmp_path / "cache", degradation="noise")
    result = bicubic_baseline(noisy)
    assert result == measure(lambda lr: lr, noisy)
    assert result.psnr == pytest.approx(20 * math.log10(255 / 15), abs=0.3)  # but for what was clipped
    assert Protocol.of(noisy).shave == 1
    assert (baseline_name(1), baseline_name(2)) == ("input", "bicubic")


@pytest.mark.parametrize("values", [{}, {"data": "a", "degradation": "b", "scale": 2, "shave": 2, "colour": "red"}])
def test_a_wrong_protocol_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(InputError, match="not a measuring protocol"):
        Protocol.from_dict(values)


def _nearest(lr: Tensor) -> Tensor:
    return lr.repeat_interleave(2, -2).repeat_interleave(2, -1)
