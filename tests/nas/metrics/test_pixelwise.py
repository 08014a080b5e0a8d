import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import mean_squared_error as scikit_mse
from skimage.metrics import peak_signal_noise_ratio as scikit_psnr

from nas.metrics.pixelwise import mean_absolute_error, mean_squared_error, peak_signal_to_noise_ratio

from .conftest import DISTORTIONS, pattern


@given(st.integers(1, 200))
def test_a_constant_offset_gives_the_closed_forms(offset: int) -> None:
    hr = pattern(8, 9)
    sr = hr + offset
    assert peak_signal_to_noise_ratio(sr, hr, 255).item() == pytest.approx(20 * math.log10(255 / offset))
    assert mean_squared_error(sr, hr, 255).item() == pytest.approx(offset**2)
    assert mean_absolute_error(sr, hr, 255).item() == pytest.approx(offset)


@pytest.mark.parametrize("distortion", DISTORTIONS)
def test_they_equal_scikit_image(distortion: str) -> None:
    hr = pattern(30, 41)
    sr = DISTORTIONS[distortion](hr)
    x, y = sr[0, 0].numpy(), hr[0, 0].numpy()
    assert peak_signal_to_noise_ratio(sr, hr, 255).item() == pytest.approx(scikit_psnr(y, x, data_range=255))
    assert mean_squared_error(sr, hr, 255).item() == pytest.approx(scikit_mse(y, x))


def test_equal_images_have_no_error() -> None:
    hr = pattern(8, 8)
    assert peak_signal_to_noise_ratio(hr, hr, 255).item() == math.inf
    assert mean_absolute_error(hr, hr, 255).item() == 0


def test_each_image_of_a_batch_has_its_own_figure() -> None:
    hr = torch.zeros(3, 1, 4, 4, dtype=torch.float64)
    sr = torch.tensor([1.0, 2.0, 4.0]).view(3, 1, 1, 1).expand_as(hr)
    assert mean_squared_error(sr, hr, 255).tolist() == [1, 4, 16]
    assert mean_absolute_error(sr, hr, 255).tolist() == [1, 2, 4]
