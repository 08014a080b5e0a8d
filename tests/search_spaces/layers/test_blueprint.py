import pytest
import torch
from torch.nn import functional as F

from search_spaces.layers.blueprint import BlueprintConv, SeparableConv, ordinary_conv


def test_a_blueprint_conv_mixes_channels_first() -> None:
    block = BlueprintConv(3, 8, 5)
    image = torch.rand(1, 3, 9, 10)
    mixed = F.conv2d(image, block.pointwise.weight)
    expected = F.conv2d(mixed, block.depthwise.weight, block.depthwise.bias, padding=2, groups=8)
    assert torch.equal(block(image), expected)


def test_a_separable_conv_mixes_channels_last() -> None:
    block = SeparableConv(3, 8)
    image = torch.rand(1, 3, 9, 10)
    filtered = F.conv2d(image, block.depthwise.weight, block.depthwise.bias, padding=1, groups=3)
    assert torch.equal(block(image), F.conv2d(filtered, block.pointwise.weight, block.pointwise.bias))


def test_reflection_keeps_a_flat_image_flat() -> None:
    flat = torch.ones(1, 2, 5, 6)
    inner = slice(1, -1)
    for reflect in (False, True):
        torch.manual_seed(0)
        output = BlueprintConv(2, 3, reflect=reflect)(flat)
        value = output[:, :, 2:3, 2:3].expand_as(output)
        assert torch.allclose(output[:, :, inner, inner], value[:, :, inner, inner], atol=1e-6)
        assert torch.allclose(output, value, atol=1e-6) == reflect


@pytest.mark.parametrize("make", [BlueprintConv, SeparableConv, ordinary_conv])
@pytest.mark.parametrize(("padding", "height"), [(None, 5), (0, 4), (1, 5)])
def test_every_kind_takes_stride_and_padding(make: type[BlueprintConv], padding: int | None, height: int) -> None:
    assert make(3, 4, 3, stride=2, padding=padding)(torch.rand(1, 3, 9, 9)).shape == (1, 4, height, height)


def test_the_bias_of_the_pointwise_half_is_a_choice() -> None:
    names = [set(dict(BlueprintConv(3, 4, pointwise_bias=bias).named_parameters())) for bias in (False, True)]
    assert names[1] - names[0] == {"pointwise.bias"}
