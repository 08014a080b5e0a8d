import torch
from torch.nn import functional as F

from nas.cost import cost
from search_spaces import SPACES, Architecture
from search_spaces.layers.interpolation import interpolate


def test_it_is_three_convolutions_of_the_enlarged_image() -> None:
    network = Architecture.published("srcnn/SRCNN").build()
    image = torch.rand(1, 1, 8, 9)
    (w1, b1), (w2, b2), (w3, b3) = ((network.body[i].weight, network.body[i].bias) for i in (0, 2, 4))
    features = F.relu(F.conv2d(interpolate(image, 2, "smooth"), w1, b1, padding=4))
    features = F.relu(F.conv2d(features, w2, b2, padding=2))
    assert torch.allclose(network(image), F.conv2d(features, w3, b3, padding=2), atol=1e-6)


def test_the_cost_is_that_of_the_weights_at_every_output_pixel() -> None:
    price = cost(Architecture.published("srcnn/SRCNN-9-1-5"))
    weights = 81 * 64 + 64 * 32 + 25 * 32
    assert weights == 8_032  # the paper's count
    assert price.params == weights + 64 + 32 + 1
    assert price.macs == weights * 1280 * 720


def test_the_names_of_pytorch_ports_are_understood() -> None:
    theirs = {f"conv{i}.{kind}": torch.empty(0) for i in (1, 2, 3) for kind in ("weight", "bias")}
    ours = Architecture.published("srcnn/SRCNN").build().state_dict()
    assert SPACES.get("srcnn").translate(theirs, 2, 1).keys() == ours.keys()
