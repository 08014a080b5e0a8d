import torch
from torch import nn
from torch.nn import functional as F

from search_spaces import SPACES, Architecture
from search_spaces.layers.interpolation import interpolate

VDSR = Architecture.published("vdsr/VDSR")


def test_twenty_convolutions_without_bias_learn_what_the_enlarged_image_lacks() -> None:
    network = VDSR.build()
    weights = list(network.parameters())
    assert [w.shape[:2] for w in weights] == [(64, 1), *[(64, 64)] * 18, (1, 64)]
    image = torch.rand(1, 1, 6, 5)
    features = enlarged = interpolate(image, 2, "smooth")
    for weight in weights[:-1]:
        features = F.relu(F.conv2d(features, weight, padding=1))
    expected = enlarged + F.conv2d(features, weights[-1], padding=1)
    assert torch.allclose(network(image), expected, rtol=1e-4, atol=1e-5)


def test_within_an_image_skip_the_chain_has_no_skip_of_its_own() -> None:
    network = VDSR.replaced(image_skip=True, depth=3).build()
    image = torch.rand(1, 1, 6, 5)
    nn.init.constant_(network.network.body.last.weight, 0.01)
    body = network.network.body
    expected = interpolate(image, 2) + 0.1 * body(interpolate(image - 0.25, 2))
    assert torch.allclose(network(image), expected, atol=1e-6)


def test_the_names_of_the_authors_port_are_understood() -> None:
    names = ["input", "output", *(f"residual_layer.{i}.conv" for i in range(18))]
    theirs = {f"{name}.weight": torch.empty(0) for name in names}
    translated = SPACES.get("vdsr").translate(theirs, 2, 1)
    assert translated.keys() == VDSR.build().state_dict().keys()
    # The first block follows the input convolution.
    first = SPACES.get("vdsr").translate({"residual_layer.0.conv.weight": torch.empty(0)}, 2, 1)
    assert list(first) == ["body.layers.1.0.weight"]
