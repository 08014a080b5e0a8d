import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_msssim import ms_ssim
from skimage.metrics import structural_similarity as scikit_ssim
from torch import Tensor
from torch.nn import functional as F

from nas.metrics.structure import multi_scale_structural_similarity, structural_similarity

from .conftest import DISTORTIONS, noisy, pattern


@pytest.mark.parametrize("distortion", DISTORTIONS)
@pytest.mark.parametrize("peak", [255, 65535])
def test_ssim_equals_scikit_image(distortion: str, peak: int) -> None:
    hr = pattern(61, 75) * (peak // 255)
    sr = (DISTORTIONS[distortion](pattern(61, 75)) * (peak // 255)).clamp(0, peak)
    arguments = {"data_range": peak, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    expected = scikit_ssim(sr[0, 0].numpy(), hr[0, 0].numpy(), **arguments)
    assert structural_similarity(sr, hr, peak).item() == pytest.approx(expected, abs=1e-11)


def test_ssim_equals_the_papers_formula_in_a_single_window() -> None:
    # 11 x 11 pixels hold exactly one window, so the mean over positions has one term: Wang et al. 2004, eq. 13.
    hr = pattern(11, 11)
    sr = noisy(hr, 20)
    x, y = sr[0, 0].numpy(), hr[0, 0].numpy()
    weights = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window = np.outer(weights, weights) / weights.sum() ** 2
    mean_x, mean_y = (window * x).sum(), (window * y).sum()
    var_x, var_y = (window * (x - mean_x) ** 2).sum(), (window * (y - mean_y) ** 2).sum()
    covariance = (window * (x - mean_x) * (y - mean_y)).sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    expected = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    expected /= (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    assert structural_similarity(sr, hr, 255).item() == pytest.approx(expected)


@pytest.mark.parametrize("distortion", ["much noise", "blur"])
def test_ms_ssim_is_the_papers_product_over_five_scales(distortion: str) -> None:
    # Sides divisible by 16, where all programs halve images alike.
    hr = pattern(176, 192)
    sr = DISTORTIONS[distortion](hr)
    x, y, product = sr, hr, torch.ones(())
    for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        luminance, rest = terms(x, y)
        product = product * (luminance * rest if scale == 4 else rest).mean() ** weight
        x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
    assert multi_scale_structural_similarity(sr, hr, 255).item() == pytest.approx(product.item(), abs=1e-11)
    assert ms_ssim(sr.float(), hr.float(), data_range=255).item() == pytest.approx(product.item(), abs=1e-5)


def terms(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The luminance term, and that of contrast and structure, of each window."""
    weights = torch.exp(-(torch.arange(-5.0, 6, dtype=torch.float64) ** 2) / (2 * 1.5**2))
    window = (weights[:, None] * weights / weights.sum() ** 2)[None, None]

    def mean(image: Tensor) -> Tensor:
        return F.conv2d(image, window)

    a, b = mean(x), mean(y)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    rest = (2 * (mean(x * y) - a * b) + c2) / (mean(x * x) - a * a + mean(y * y) - b * b + c2)
    return (2 * a * b + c1) / (a * a + b * b + c1), rest


@pytest.mark.parametrize("size", [(161, 170), (190, 201)])
def test_ms_ssim_takes_any_size_from_161_on(size: tuple[int, int]) -> None:
    hr = pattern(*size)
    value = multi_scale_structural_similarity(DISTORTIONS["blur"](hr), hr, 255).item()
    assert structural_similarity(DISTORTIONS["blur"](hr), hr, 255).item() < value < 1
    assert multi_scale_structural_similarity(hr, hr, 255).item() == pytest.approx(1)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 100), st.integers(0, 100))
def test_ssim_is_symmetric_and_one_for_equal_images(amount: int, offset: int) -> None:
    hr = pattern(20, 24)
    sr = noisy(hr, amount) + offset
    assert structural_similarity(sr, hr, 255).item() == pytest.approx(structural_similarity(hr, sr, 255).item())
    assert structural_similarity(sr, sr, 255).item() == pytest.approx(1)
    assert structural_similarity(sr, hr, 255).item() < 1


def test_an_image_is_judged_alike_in_a_batch() -> None:
    hr = pattern(24, 30)
    batch = torch.cat([noisy(hr, 3), noisy(hr, 20)])
    values = structural_similarity(batch, hr.expand(2, -1, -1, -1), 255)
    assert values.tolist() == [structural_similarity(noisy(hr, amount), hr, 255).item() for amount in (3, 20)]
