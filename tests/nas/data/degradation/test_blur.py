import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.data.degradation import kernels
from nas.data.degradation.operation import parse_operation
from nas.errors import InputError

from .laws import apply, dots, moments

BLURS = [
    "blur: {sigma: 1.5}",
    "blur: {sigma: [0, 3], size: [7, 21]}",
    "blur: {variance: [0.5, 6], isotropic: false}",
    "blur: {sigma: [0.2, 3], profile: generalised, shape: [0.5, 4], isotropic: false}",
    "blur: {sigma: [0.2, 3], profile: plateau, shape: [1, 2], size: [7, 21]}",
    "defocus: {radius: [1, 4]}",
    "motion: {length: [0, 9]}",
    "sinc: {cutoff: [0.3, 1], size: [7, 21]}",
]


@pytest.mark.parametrize("blur", BLURS)
def test_a_blur_keeps_size_brightness_and_place(blur: str) -> None:
    assert torch.allclose(apply(blur, torch.full((2, 1, 24, 33), 0.3)), torch.full((2, 1, 24, 33), 0.3), atol=1e-5)
    blurred = apply(blur, dots(65, 6))
    assert torch.allclose(blurred.sum((2, 3)), torch.ones(6, 1), atol=1e-4)
    for image in blurred:
        mean, _ = moments(image[0])
        assert torch.allclose(mean, torch.full((2,), 32.0, dtype=torch.float64), atol=0.01)


@pytest.mark.parametrize("blur", BLURS[1:])
def test_each_image_has_a_blur_of_its_own(blur: str) -> None:
    blurred = apply(blur, dots(65, 4))
    assert not any(torch.allclose(blurred[0], other, atol=1e-4) for other in blurred[1:])


@given(st.floats(0.8, 4))
@settings(max_examples=10, deadline=None)
def test_the_deviation_is_in_pixels(sigma: float) -> None:
    for blur in (f"blur: {{sigma: {sigma}}}", f"blur: {{variance: {sigma**2}, isotropic: false}}"):
        _, spread = moments(apply(blur, dots())[0, 0])
        assert torch.allclose(spread, sigma**2 * torch.eye(2, dtype=torch.float64), rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("size", [None, 7, 15])
def test_an_isotropic_blur_is_the_convolution_with_its_kernel(size: int | None) -> None:
    image = torch.rand(1, 1, 40, 50)
    kernel = kernels.gaussian(torch.full((1, 2), 2.0), torch.zeros(1), 17)
    kernel = kernel if size is None else kernels.cut(kernel, torch.tensor([size]))
    expected = kernels.convolve(image, kernel)
    blurred = apply("blur: {sigma: 2}" if size is None else f"blur: {{sigma: 2, size: {size}}}", image)
    # Borders differ: one repeats the image's, the other does without it.
    inner = (..., slice(8, -8), slice(8, -8))
    assert torch.allclose(blurred[inner], expected[inner], atol=2e-4 if size is None else 1e-6)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"blur": None}, "'blur' is wrong: give either 'sigma' or 'variance'"),
        ({"blur": {"sigma": 1, "variance": 1}}, "give either 'sigma' or 'variance'"),
        ({"blur": {"sigma": 1, "size": [7, 10]}}, r"'size' of 'blur' is wrong: \[7.0, 10.0\] must be odd"),
        ({"sinc": {"cutoff": 2}}, "'cutoff' of 'sinc' is wrong: 2.0 must be a range within 0.01 to 1"),
        ({"defocus": {"radios": 2}}, "no field of 'defocus' named 'radios'; did you mean 'radius'"),
        ({"defocus": {}}, "'radius' of 'defocus' is wrong: Field required"),
    ],
)
def test_wrong_fields_are_named(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_operation(wrong)
