import pytest
import torch
from torch import nn
from torch.nn import functional as F

from search_spaces import Architecture
from search_spaces.families.lapsrn import ImageEnlarger, TransposedConv
from search_spaces.layers.interpolation import interpolate


def small(scale: int, **choices: object) -> Architecture:
    return Architecture.published("lapsrn/LapSRN", scale).replaced(width=8, depth=2, **choices)


@pytest.mark.parametrize("stride", [2, 3])
@pytest.mark.parametrize("kernel", [3, 4, 5])
def test_a_transposed_convolution_writes_what_fits_and_cuts_the_odd_row_at_the_end(stride: int, kernel: int) -> None:
    module = TransposedConv(2, 3, kernel, stride)
    features = torch.randn(1, 2, 4, 5)
    whole = F.conv_transpose2d(features, module.conv.weight, module.conv.bias, stride)
    start = (kernel - stride) // 2
    expected = whole[..., start : start + 4 * stride, start : start + 5 * stride]
    assert module(features).shape[-2:] == (4 * stride, 5 * stride)
    assert torch.allclose(module(features), expected, atol=1e-6)


@pytest.mark.parametrize("stride", [2, 3])
def test_an_image_starts_to_be_enlarged_bilinearly(stride: int) -> None:
    image = torch.rand(2, 3, 6, 7)
    enlarged = ImageEnlarger(stride)(image)
    expected = F.interpolate(image, scale_factor=stride, mode="bilinear", align_corners=False)
    inner = (..., slice(stride, -stride), slice(stride, -stride))  # beyond the border, it takes zeros
    assert torch.allclose(enlarged[inner], expected[inner], atol=1e-6)


@pytest.mark.parametrize(("scale", "strides"), [(2, [2]), (3, [3]), (4, [2, 2])])
def test_levels_chain_features_and_images(scale: int, strides: list[int]) -> None:
    network = small(scale).build()
    image = torch.rand(1, 1, 5, 6)
    features, output = network.head(image), image
    assert len(network.levels) == len(strides)
    for level, enlarger in zip(network.levels, network.images, strict=True):
        features = level.features(features)
        output = enlarger(output) + level.detail(features)
    assert torch.equal(network(image), output)


@pytest.mark.parametrize(("scale", "parameters"), [(2, 0), (3, 0), (4, 16)])
def test_within_an_image_skip_only_detail_is_carried(scale: int, parameters: int) -> None:
    network = small(scale, image_skip=True).build()
    image = torch.rand(1, 1, 5, 6)
    assert sum(p.numel() for p in network.network.images.parameters()) == parameters
    assert torch.equal(network(image), interpolate(image, scale))
    for level in network.network.levels:
        nn.init.constant_(level.detail.bias, 1.0)
    # Each level's constant detail is enlarged, not shuffled: away from the border, they add up.
    middle = (network(image) - interpolate(image, scale))[..., scale:-scale, scale:-scale]
    assert torch.allclose(middle, torch.full_like(middle, 0.1 * len(network.network.levels)), atol=1e-6)


def test_the_kernel_of_a_common_port() -> None:
    """435,344 parameters are the port's, which has no biases: 64 in the head, 11·64 in the level, 1 in the detail."""
    port = Architecture.published("lapsrn/LapSRN").replaced(kernel=4).build()
    assert sum(p.numel() for p in port.parameters()) == 435_344 + 64 + 11 * 64 + 1
