import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch.nn import functional as F

from nas.data.degradation.resampling import gaussian_rows, resample, resize
from nas.data.images import resize_bicubic

from .laws import hill, moments

METHODS = ["area", "bilinear", "bicubic", "lanczos"]
SIDES = st.integers(3, 40)


@given(SIDES, SIDES, SIDES, SIDES, st.sampled_from(METHODS), st.booleans())
@settings(max_examples=60, deadline=None)
def test_every_method_makes_any_size_and_keeps_a_constant(
    height: int, width: int, new_height: int, new_width: int, method: str, antialias: bool
) -> None:
    resized = resize(torch.full((2, 1, height, width), 0.4), (new_height, new_width), method, antialias)
    assert torch.allclose(resized, torch.full((2, 1, new_height, new_width), 0.4), atol=1e-5)


@pytest.mark.parametrize("size", [(24, 30), (33, 50), (17, 80), (48, 21)])
@pytest.mark.parametrize("method", METHODS)
def test_no_method_shifts_an_image(method: str, size: tuple[int, int]) -> None:
    # A straight slope stays one with the same ends, and a hill stays in its place: in shares of the whole image.
    slope = (torch.arange(48) + 0.5)[:, None].expand(48, 60)[None, None] / 48
    expected = (torch.arange(size[0]) + 0.5) / size[0]
    resized = resize(slope, size, method)
    inner = slice(size[0] // 4, -(size[0] // 4))
    assert torch.allclose(resized[0, 0, inner, 5], expected[inner], atol=0.5 / 48 if method == "area" else 1e-3)
    for antialias in (True, False):
        mean, _ = moments(resize(hill(48, 60, (20.3, 31.7), 5), size, method, antialias)[0, 0].clamp(min=0))
        place = (mean + 0.5) / torch.tensor(size)
        assert torch.allclose(place.float() * torch.tensor([48, 60]), torch.tensor([20.8, 32.2]), atol=0.04)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_area_is_the_mean_of_the_pixels_that_an_lr_pixel_lies_over(scale: int) -> None:
    image = torch.rand(2, 1, 6 * scale, 5 * scale)
    assert torch.allclose(resize(image, (6, 5), "area"), F.avg_pool2d(image, scale), atol=1e-6)


def test_area_shares_a_pixel_that_two_lie_over() -> None:
    assert torch.allclose(resize(torch.tensor([[[[0.0, 3.0, 6.0]]]]), (1, 2), "area"), torch.tensor([[[[1.0, 5.0]]]]))


@pytest.mark.parametrize("size", [(20, 24), (60, 61), (13, 70)])
def test_lanczos_is_that_of_pillow(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).random((40, 48), np.float32)
    expected = np.asarray(Image.fromarray(image).resize(size[::-1], Image.Resampling.LANCZOS))
    assert np.abs(resize(torch.from_numpy(image)[None, None], size, "lanczos")[0, 0].numpy() - expected).max() < 1e-5


def test_bicubic_is_the_one_that_measurements_rest_on() -> None:
    image = torch.rand(1, 1, 24, 36)
    assert torch.equal(resize(image, (12, 18), "bicubic"), resize_bicubic(image, (12, 18)))
    assert not torch.allclose(resize(image, (12, 18), "bicubic", antialias=False), resize_bicubic(image, (12, 18)))


def test_an_image_of_the_right_size_is_left_alone() -> None:
    image = torch.rand(1, 1, 5, 7)
    assert all(resize(image, (5, 7), method) is image for method in METHODS)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("sigma", [0.1, 0.7, 2.0])
def test_sampling_through_gaussians_is_a_shifted_blur_of_which_every_sth_pixel_is_kept(
    scale: int, sigma: float
) -> None:
    image = torch.rand(1, 1, 12 * scale, 12 * scale, dtype=torch.float64)
    rows = gaussian_rows(12 * scale, 12, torch.tensor([sigma]))
    sampled = resample(image, rows, rows)[..., 5:7, 5:7]
    # The same by a convolution whose kernel is moved by (s - 1) / 2 pixels, as BSRGAN does it.
    offsets = torch.arange(-20, 21, dtype=torch.float64) - (scale - 1) / 2
    kernel = torch.softmax(-(offsets**2) / (2 * sigma**2), 0)
    padded = F.pad(image, (20, 20, 20, 20), mode="replicate")
    blurred = F.conv2d(padded, (kernel[:, None] * kernel)[None, None])
    assert torch.allclose(sampled.double(), blurred[..., ::scale, ::scale][..., 5:7, 5:7], atol=1e-5)
