import pytest
import torch
from given_patches import GivenPatches
from torch import nn

from proxies import PROXIES

GRAD_NORM = PROXIES.get("grad_norm")


def test_of_one_linear_layer_it_is_known() -> None:
    network = nn.Conv2d(1, 4, 1)
    nn.init.constant_(network.weight, 2.0)
    nn.init.zeros_(network.bias)
    task = GivenPatches(torch.full((1, 1, 3, 3), 0.5), torch.zeros(1, 4, 3, 3))
    # The error of each of 4 channels is 0.5 w, of which the mean is taken: 0.5 / 4 each, and √4 of them.
    assert GRAD_NORM.score(network, task).value == pytest.approx(0.5 / 4 * 2)


def test_layers_are_summed() -> None:
    network = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.Conv2d(1, 1, 1, bias=False))
    for layer, weight in zip(network, (2.0, 3.0), strict=True):
        nn.init.constant_(layer.weight, weight)
    task = GivenPatches(torch.full((1, 1, 3, 3), 0.5), torch.zeros(1, 1, 3, 3))
    assert GRAD_NORM.score(network, task).value == pytest.approx(0.5 * 3 + 0.5 * 2)


def test_squares_beyond_single_precision_do_not_matter() -> None:
    network = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.Conv2d(1, 1, 1, bias=False))
    for layer in network:
        nn.init.constant_(layer.weight, 1e30)
    task = GivenPatches(torch.full((1, 1, 3, 3), 1e-30), torch.zeros(1, 1, 3, 3))
    assert GRAD_NORM.score(network, task).value == pytest.approx(2.0, rel=1e-5)
    network[1].weight.data.fill_(1e38)
    network[0].weight.data.fill_(1.0)
    task = GivenPatches(torch.full((1, 1, 3, 3), 0.5), torch.zeros(1, 1, 3, 3))
    assert GRAD_NORM.score(network, task).value == pytest.approx(0.5e38, rel=1e-5)
