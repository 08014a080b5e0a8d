import pytest
import torch
from torch.nn import functional as F

from search_spaces.layers.upsample import UPSAMPLERS, PixelShuffleDirect, PixelShuffleSteps, Upsampler, factors


@pytest.mark.parametrize(("scale", "steps"), [(2, (2,)), (3, (3,)), (4, (2, 2)), (6, (2, 3)), (8, (2, 2, 2))])
def test_a_scale_is_reached_in_steps_of_two_where_it_divides(scale: int, steps: tuple[int, ...]) -> None:
    assert factors(scale) == steps


@pytest.mark.parametrize("scale", [2, 3, 4, 6, 8])
@pytest.mark.parametrize("kind", UPSAMPLERS)
def test_every_upsampler_makes_an_image_of_the_scale(kind: str, scale: int) -> None:
    upsampler = Upsampler(kind, 8, 3, scale, "prelu")
    assert upsampler(torch.rand(2, 8, 5, 7)).shape == (2, 3, 5 * scale, 7 * scale)
    assert any(upsampler.last is module for module in upsampler.modules())


def test_the_direct_tail_is_a_convolution_and_a_shuffle() -> None:
    tail = PixelShuffleDirect(8, 1, 2)
    features = torch.rand(1, 8, 5, 6)
    expected = F.pixel_shuffle(F.conv2d(features, tail.last.weight, tail.last.bias, padding=1), 2)
    assert torch.equal(tail(features), expected)


def test_steps_keep_the_width() -> None:
    assert PixelShuffleSteps(8, 4)(torch.rand(1, 8, 3, 4)).shape == (1, 8, 12, 16)


def test_a_transposed_tail_treats_inner_pixels_alike() -> None:
    """Its kernel is a multiple of its stride: no checkerboard from uneven overlap."""
    for scale in (2, 4):
        tail = Upsampler("transposed", 4, 1, scale, "relu")
        torch.nn.init.ones_(tail.last.weight)
        inner = tail(torch.ones(1, 4, 8, 8))[..., 2 * scale : -2 * scale, 2 * scale : -2 * scale]
        assert torch.allclose(inner, inner.mean().expand_as(inner))
