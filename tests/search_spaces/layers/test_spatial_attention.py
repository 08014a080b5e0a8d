import pytest
import torch
from torch import nn
from torch.nn import functional as F

from search_spaces.layers.blueprint import BlueprintConv, SeparableConv, ordinary_conv
from search_spaces.layers.spatial_attention import EnhancedSpatialAttention, at_least

VARIANTS = {
    "BSRN": {"convolution": BlueprintConv, "activation": nn.GELU},
    "BSRN-S": {"convolution": BlueprintConv, "reduction": ordinary_conv, "activation": nn.GELU},
    "RepRFN": {"depth": 1},
    "PSRGAN": {"convolution": SeparableConv, "pointwise": SeparableConv, "padding": 1},
}


def test_the_gate_is_computed_as_by_rfdn() -> None:
    torch.manual_seed(0)
    block = EnhancedSpatialAttention(8, 3)
    first, _, second, _, third = block.body
    image = torch.rand(2, 8, 31, 40)
    squeezed = F.conv2d(image, block.squeeze.weight, block.squeeze.bias)
    pooled = F.max_pool2d(F.conv2d(squeezed, block.reduce.weight, block.reduce.bias, stride=2), 7, stride=3)
    assert pooled.shape == (2, 3, 3, 5)
    coarse = third(second(first(pooled).relu()).relu())
    coarse = F.interpolate(coarse, (31, 40), mode="bilinear")
    gate = block.expand(coarse + block.shortcut(squeezed)).sigmoid()
    assert torch.equal(block(image), image * gate)


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 9), (13, 14), (14, 50), (15, 15), (33, 47)])
def test_it_takes_images_of_any_size(name: str, height: int, width: int) -> None:
    block = EnhancedSpatialAttention(8, 2, **VARIANTS[name])
    image = torch.rand(1, 8, height, width)
    assert block(image).shape == image.shape


@pytest.mark.parametrize(("padding", "side"), [(0, 15), (1, 13)])
def test_an_image_that_fills_the_window_is_left_as_it_is(padding: int, side: int) -> None:
    block = EnhancedSpatialAttention(4, 2, padding=padding)
    image = torch.rand(1, 4, side, side)
    assert at_least(image, block.least) is image
    reduced = block.reduce(block.squeeze(image))
    assert reduced.shape[-2:] == (7, 7)


def test_a_small_image_is_continued_by_its_last_row_and_column() -> None:
    image = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    assert at_least(image, 3).tolist() == [[[[1, 2, 2], [3, 4, 4], [3, 4, 4]]]]


def test_an_open_gate_passes_the_features() -> None:
    block = EnhancedSpatialAttention(4, 2)
    nn.init.zeros_(block.expand.weight)
    nn.init.constant_(block.expand.bias, 100)
    image = torch.rand(1, 4, 20, 20)
    assert torch.equal(block(image), image)
