import pytest
import torch
from torch.nn import functional as F

from search_spaces import SPACES, Architecture

ESPCN = Architecture.published("espcn/ESPCN")


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_two_tanh_layers_and_a_sub_pixel_convolution(scale: int) -> None:
    network = Architecture.published("espcn/ESPCN", scale, 3).build()
    image = torch.rand(1, 3, 7, 6)
    first, second, third = network.body[0], network.body[2], network.tail[0]
    features = torch.tanh(F.conv2d(image, first.weight, first.bias, padding=2))
    features = torch.tanh(F.conv2d(features, second.weight, second.bias, padding=1))
    images = F.conv2d(features, third.weight, third.bias, padding=1)
    assert images.shape[1] == 3 * scale**2
    assert torch.allclose(network(image), F.pixel_shuffle(images, scale), atol=1e-6)


def test_depth_adds_narrow_layers() -> None:
    deeper = ESPCN.replaced(depth=3).build()
    shapes = [tuple(module.weight.shape) for module in deeper.modules() if hasattr(module, "weight")]
    assert shapes == [(64, 1, 5, 5), (32, 64, 3, 3), (32, 32, 3, 3), (32, 32, 3, 3), (4, 32, 3, 3)]


def test_the_names_of_pytorch_ports_are_understood() -> None:
    layers = ("first_part.0", "first_part.2", "last_part.0")
    theirs = {f"{layer}.{kind}": torch.empty(0) for layer in layers for kind in ("weight", "bias")}
    assert SPACES.get("espcn").translate(theirs, 2, 1).keys() == ESPCN.build().state_dict().keys()
