"""Large depthwise convolutions: they compute what a plain one does, and end in bfloat16 on every CPU."""

import pytest
import torch
from torch.nn import functional as F

from search_spaces.layers.conv import LargeDepthwise


@pytest.mark.parametrize("width", [4, 16, 24])
@pytest.mark.timeout(60)
def test_in_bfloat16_it_comes_near_a_plain_one_in_finite_time(width: int) -> None:
    torch.manual_seed(0)
    layer = LargeDepthwise(width, 15).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    image = torch.rand(2, width, 32, 32).contiguous(memory_format=torch.channels_last).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        convolved = layer(image)
    convolved.float().mean().backward()
    expected = F.conv2d(image, layer.weight, layer.bias, padding=7, groups=width)
    torch.testing.assert_close(convolved.float(), expected, atol=0.02, rtol=0.02)
    assert image.grad is not None and layer.weight.grad is not None


def test_without_autocast_it_is_a_plain_one() -> None:
    layer = LargeDepthwise(8, 15)
    image = torch.rand(1, 8, 20, 24)
    assert torch.equal(layer(image), F.conv2d(image, layer.weight, layer.bias, padding=7, groups=8))
