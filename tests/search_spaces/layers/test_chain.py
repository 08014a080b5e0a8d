import torch
from torch import nn
from torch.nn import functional as F

from search_spaces.layers.chain import chain


def test_all_but_the_first_and_the_last_are_normalised() -> None:
    kinds = [type(module) for module in chain(1, 2, layers=4, width=8, act="relu", batch_norm=True)]
    normalised = [nn.Conv2d, nn.BatchNorm2d, nn.ReLU]
    assert kinds == [nn.Conv2d, nn.ReLU, *normalised, *normalised, nn.Conv2d]


def test_a_chain_is_its_convolutions_one_after_the_other() -> None:
    network = chain(3, 2, layers=3, width=8, act="leaky")
    image = torch.rand(1, 3, 6, 7)
    features = image
    for index, layer in enumerate(module for module in network if isinstance(module, nn.Conv2d)):
        features = F.conv2d(features, layer.weight, layer.bias, padding=1)
        features = F.leaky_relu(features, 0.05) if index < 2 else features
    assert torch.allclose(network(image), features, atol=1e-6)


def test_a_deep_chain_keeps_the_signal() -> None:
    torch.manual_seed(0)
    network, image = chain(1, 16, layers=20, width=16, act="relu"), torch.randn(1, 1, 32, 32)
    with torch.no_grad():
        assert 0.1 < network(image).std() < 10
