from math import cos, pi, sin

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from torch import Tensor

from nas.data.degradation import kernels

from .laws import moments

ANGLES = st.floats(0, pi)
WIDTHS = st.floats(0.8, 3)


def one(value: float) -> Tensor:
    return torch.tensor([value])


def covariance(along: float, across: float, angle: float) -> Tensor:
    """Of (y, x), for variances along and across a direction that is `angle` from the x axis towards y."""
    turn = torch.tensor([[sin(angle), cos(angle)], [cos(angle), -sin(angle)]], dtype=torch.float64)
    return turn @ torch.diag(torch.tensor([along, across], dtype=torch.float64)) @ turn.T


@given(WIDTHS, WIDTHS, ANGLES)
@settings(max_examples=25, deadline=None)
def test_a_gaussian_has_its_variances_along_its_axes(along: float, across: float, angle: float) -> None:
    kernel = kernels.gaussian(torch.tensor([[along, across]]), one(angle), 31)[0]
    mean, spread = moments(kernel)
    assert torch.allclose(mean, torch.full((2,), 15.0, dtype=torch.float64), atol=1e-4)
    assert torch.allclose(spread, covariance(along**2, across**2, angle), atol=0.02)


@given(st.floats(2, 8))
@settings(max_examples=15, deadline=None)
def test_a_disk_has_a_quarter_of_its_squared_radius_as_variance(radius: float) -> None:
    _, spread = moments(kernels.disk(one(radius), 21)[0])
    pixel = 1 / 12  # the variance that a pixel's own width adds
    expected = torch.full((2,), radius**2 / 4 + pixel, dtype=torch.float64)
    assert torch.allclose(spread.diagonal(), expected, rtol=0.04)


@given(st.floats(4, 16), ANGLES)
@settings(max_examples=15, deadline=None)
def test_a_line_has_a_twelfth_of_its_squared_length_as_variance(length: float, angle: float) -> None:
    _, spread = moments(kernels.line(one(length), one(angle), 23)[0])
    # The widths of a pixel at its ends and across add a little.
    assert torch.allclose(spread, covariance((length**2 + 1) / 12, 1 / 6, angle), rtol=0.06, atol=0.2)


@pytest.mark.parametrize("cutoff", [0.3, 0.5, 0.8])
def test_a_sinc_filter_passes_what_is_below_its_frequency_and_stops_what_is_above(cutoff: float) -> None:
    kernel = kernels.sinc(one(cutoff), 101)[0]
    response = torch.fft.rfft(kernel.sum(0), n=400).abs()  # from frequency 0 to the Nyquist frequency
    edge = round(200 * cutoff)
    assert torch.allclose(response[: edge - 15], torch.ones(edge - 15), atol=0.1)
    assert response[edge + 15 :].max() < 0.1


def test_a_generalised_gaussian_of_shape_one_is_a_gaussian() -> None:
    sigmas, angles = torch.tensor([[1.0, 2.0]]), one(0.4)
    assert torch.allclose(kernels.gaussian(sigmas, angles, 21, one(1)), kernels.gaussian(sigmas, angles, 21))


def test_a_larger_shape_is_flatter_on_top() -> None:
    sigmas, angles = torch.full((3, 2), 3.0), torch.zeros(3)
    made = kernels.gaussian(sigmas, angles, 25, torch.tensor([0.5, 1.0, 4.0]))
    falls = made[:, 12, 12] / made[:, 12, 14]
    assert falls[0] > falls[1] > falls[2]
    flat = kernels.plateau(sigmas, angles, 25, torch.tensor([1.0, 2.0, 4.0]))
    assert flat[2, 12, 14] / flat[2, 12, 12] == pytest.approx(1 / (1 + (4 / 9) ** 4), rel=1e-3)


@pytest.mark.parametrize("side", [1, 3, 21])
def test_every_kernel_sums_to_one_and_is_the_same_from_both_sides(side: int) -> None:
    sigmas, angles, numbers = torch.rand(4, 2) * 4, torch.rand(4) * pi, torch.rand(4) * 5
    made = [
        kernels.gaussian(sigmas, angles, side),
        kernels.gaussian(sigmas, angles, side, numbers + 0.2),
        kernels.plateau(sigmas, angles, side, numbers + 0.2),
        kernels.disk(numbers, side),
        kernels.line(numbers, angles, side),
        kernels.sinc(numbers / 5 + 0.1, side),
    ]
    for each in made:
        assert each.shape == (4, side, side)
        assert torch.allclose(each.sum((1, 2)), torch.ones(4), atol=1e-5)
        assert torch.allclose(each, each.flip(1, 2), atol=1e-6)


def test_a_width_of_zero_leaves_the_middle_pixel() -> None:
    made = torch.cat(
        [
            kernels.gaussian(torch.zeros(1, 2), torch.zeros(1), 5),
            kernels.gaussian(torch.zeros(1, 2), torch.zeros(1), 5, one(4)),
            kernels.plateau(torch.zeros(1, 2), torch.zeros(1), 5, one(4)),
            kernels.disk(one(0), 5),
            kernels.line(one(0), one(1.0), 5),
        ]
    )
    expected = torch.zeros(5, 5, 5)
    expected[:, 2, 2] = 1
    assert torch.allclose(made, expected, atol=1e-4)


def test_kernels_are_cut_to_their_own_sides() -> None:
    cut = kernels.cut(torch.ones(3, 7, 7), torch.tensor([1, 3, 7]))
    assert [int((kernel > 0).sum()) for kernel in cut] == [1, 9, 49]
    assert torch.allclose(cut.sum((1, 2)), torch.ones(3))


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3, 9, 25]))
@settings(max_examples=20, deadline=None)
def test_each_image_is_convolved_with_its_own_kernel(height: int, width: int, side: int) -> None:
    generator = torch.Generator().manual_seed(height * 41 + width)
    images = torch.rand(2, 1, height, width, generator=generator)
    made = torch.rand(2, side, side, generator=generator)
    result = kernels.convolve(images, made / made.sum((1, 2), keepdim=True))
    for index in range(2):
        kernel = (made[index] / made[index].sum()).numpy().astype(np.float64)
        expected = ndimage.convolve(images[index, 0].numpy().astype(np.float64), kernel, mode="nearest")
        assert np.abs(result[index, 0].numpy() - expected).max() < 2e-6
