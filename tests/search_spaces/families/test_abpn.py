import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nas.cost import cost
from search_spaces import Architecture


def randomised(network: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.data = 0.15 * torch.randn(parameter.shape, generator=generator)
    return network


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_image_is_repeated_for_each_sub_pixel_and_the_sum_clipped(scale: int, channels: int) -> None:
    network = randomised(Architecture.published("abpn/ABPN", scale, channels).build())
    image = torch.rand(1, channels, 6, 8)
    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    pixels = channels * scale**2
    assert [layer.out_channels for layer in layers] == [28] * 5 + [pixels] * 2
    features = image
    for layer in layers[:-1]:
        features = F.relu(F.conv2d(features, layer.weight, layer.bias, padding=1))
    residual = F.conv2d(features, layers[-1].weight, layers[-1].bias, padding=1)
    anchored = residual + image.repeat_interleave(scale**2, dim=1)
    assert anchored.min() < 0 and anchored.max() > 1
    assert torch.allclose(network(image), F.pixel_shuffle(anchored, scale).clamp(0, 1), atol=1e-6)


def test_it_has_the_number_of_parameters_that_its_authors_state() -> None:
    assert cost(Architecture.published("abpn/ABPN", 3, 3)).params == 42_539


def test_an_untrained_network_copies_the_pixels() -> None:
    image = torch.rand(1, 1, 5, 7)
    expected = image.repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert torch.equal(Architecture.published("abpn/ABPN").build()(image), expected)


def test_with_the_image_skip_it_starts_as_bicubic_interpolation_and_is_not_clipped() -> None:
    network = Architecture.published("abpn/ABPN").replaced(image_skip=True).build()
    image = 3 * torch.rand(1, 1, 6, 7) - 1
    assert torch.equal(network(image), F.interpolate(image, scale_factor=2, mode="bicubic"))
