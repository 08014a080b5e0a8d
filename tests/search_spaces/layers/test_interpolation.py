import pytest
import torch
from torch import nn

from search_spaces.layers.fused import fused
from search_spaces.layers.interpolation import RADIUS, Interpolation, filter_weights


@pytest.mark.parametrize("mode", RADIUS)
@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (9, 14)])
def test_the_inference_form_is_a_convolution_that_is_equal_at_the_border_too(
    mode: str, scale: int, size: tuple[int, int]
) -> None:
    image, interpolation = torch.rand(2, 3, *size), Interpolation(scale, mode)
    assert (fused(interpolation)(image) - interpolation(image)).abs().max() < 1e-5
    assert isinstance(fused(interpolation), nn.Sequential)


@pytest.mark.parametrize("mode", RADIUS)
def test_every_sub_pixel_is_a_mean_of_its_neighbours(mode: str) -> None:
    assert torch.allclose(filter_weights(4, mode).sum(dim=(1, 2)), torch.ones(16, dtype=torch.float64))


def test_the_inference_form_keeps_the_image_in_float32_under_autocast() -> None:
    interpolation = Interpolation(2)
    image = torch.rand(1, 1, 6, 6)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.allclose(fused(interpolation)(image), interpolation(image), atol=1e-6)


def test_constants_stay_constant_at_the_border() -> None:
    image = torch.full((1, 1, 4, 5), 0.7)
    for mode in RADIUS:
        assert torch.allclose(Interpolation(3, mode)(image), torch.full((1, 1, 12, 15), 0.7))
