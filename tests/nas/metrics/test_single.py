import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from nas.data.synthetic import scene
from nas.errors import InputError
from nas.metrics import psnr, ssim

HR = scene(0, 64, 72)
NOISY = np.clip(HR + np.random.default_rng(0).normal(0, 6, HR.shape), 0, 255).astype(np.uint8)


@given(st.integers(1, 200))
def test_a_constant_offset_gives_the_closed_form(offset: int) -> None:
    hr = torch.full((1, 1, 8, 8), 20)
    assert psnr(hr + offset, hr, peak=255, shave=2) == pytest.approx(20 * math.log10(255 / offset))


def test_equal_images_have_infinite_psnr_and_ssim_one() -> None:
    assert psnr(HR, HR, peak=255, shave=2) == math.inf
    assert ssim(HR, HR, peak=255, shave=2) == pytest.approx(1)


@pytest.mark.parametrize("shave", [0, 2, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_both_equal_scikit_image(shave: int, dtype: type) -> None:
    peak = np.iinfo(dtype).max
    factor = peak // 255
    sr, hr = NOISY.astype(dtype) * factor, HR.astype(dtype) * factor
    inner = slice(shave, 64 - shave), slice(shave, 72 - shave)
    arguments = {"data_range": peak, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    assert psnr(sr, hr, peak=peak, shave=shave) == pytest.approx(
        peak_signal_noise_ratio(hr[inner], sr[inner], data_range=peak)
    )
    assert ssim(sr, hr, peak=peak, shave=shave) == pytest.approx(
        structural_similarity(hr[inner], sr[inner], **arguments)
    )


def test_the_shaved_border_does_not_count() -> None:
    sr, hr = NOISY.copy(), HR
    inner = psnr(sr, hr, peak=255, shave=2), ssim(sr, hr, peak=255, shave=2)
    sr[..., :2, :] = sr[..., -2:, :] = 0
    sr[..., :, :2] = sr[..., :, -2:] = 255
    assert (psnr(sr, hr, peak=255, shave=2), ssim(sr, hr, peak=255, shave=2)) == inner


@pytest.mark.parametrize("shape", [(64, 72), (1, 64, 72), (1, 1, 64, 72)])
def test_arrays_and_tensors_of_any_rank_are_taken(shape: tuple[int, ...]) -> None:
    array = NOISY.reshape(shape)
    expected = psnr(NOISY, HR, peak=255, shave=2)
    assert psnr(array, HR.astype(np.float32), peak=255, shave=2) == expected
    assert psnr(torch.from_numpy(array), torch.from_numpy(HR)[None], peak=255, shave=2) == expected


def test_images_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(ValueError, match="one size"):
        psnr(torch.zeros(8, 8), torch.zeros(8, 9), peak=255, shave=0)
    with pytest.raises(ValueError, match="leaves nothing"):
        psnr(torch.zeros(8, 8), torch.zeros(8, 8), peak=255, shave=4)
    with pytest.raises(ValueError, match="Integers as in a file are needed"):
        psnr(HR / 255, HR / 255, peak=255, shave=2)
    with pytest.raises(InputError, match="at least 11 x 11 pixels inside the shaved border, but got 10 x 12"):
        ssim(torch.zeros(16, 14), torch.zeros(16, 14), peak=255, shave=2)
