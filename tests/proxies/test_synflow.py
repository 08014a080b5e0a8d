import math
import sys

import pytest
import torch
from given_patches import GivenPatches, noise
from torch import nn

from proxies import PROXIES
from proxies.synflow import log_flow
from search_spaces.layers.channel_norm import ChannelNorm

SYNFLOW = PROXIES.get("synflow")


def two_layers() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 3, 1), nn.Conv2d(3, 1, 1))


def test_of_two_linear_layers_it_is_twice_the_sum_of_the_paths() -> None:
    torch.manual_seed(0)
    network = two_layers()
    first, second = (layer.weight.abs().flatten() for layer in network)
    paths = float(first @ second)
    # Each of 6 x 6 pixels sees all paths, and each of the two layers is told of each path once.
    assert SYNFLOW.score(network, noise()).value == pytest.approx(math.log(2 * 36 * paths), rel=1e-5)


def test_signs_biases_and_images_do_not_count() -> None:
    torch.manual_seed(0)
    network, other = two_layers(), two_layers()
    for layer, same in zip(network, other, strict=True):
        same.weight.data = -layer.weight.data
    images = noise()
    darker = GivenPatches(images.lr / 2, images.hr / 2)
    assert SYNFLOW.score(other, darker).value == pytest.approx(SYNFLOW.score(network, images).value)


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.PReLU(3), nn.Tanh()])
def test_an_activation_changes_nothing(activation: nn.Module) -> None:
    torch.manual_seed(0)
    network = two_layers()
    activated = nn.Sequential(network[0], activation, network[1])
    assert SYNFLOW.score(activated, noise()).value == pytest.approx(SYNFLOW.score(network, noise()).value)


@pytest.mark.parametrize("layers", [3, 200])
def test_a_chain_that_overflows_is_exact(layers: int) -> None:
    chain = nn.Sequential(*(nn.Conv2d(8, 8, 1, bias=False) for _ in range(layers)))
    for layer in chain:
        nn.init.constant_(layer.weight, 1000.0)
    # All 8 channels carry 8000^layers; the sum over channels and pixels, once for each layer.
    expected = math.log(layers) + layers * math.log(8000) + math.log(8 * 4)
    assert (expected > math.log(sys.float_info.max)) == (layers == 200)
    assert log_flow(chain, torch.ones(1, 8, 2, 2)) == pytest.approx(expected)


def test_a_network_through_which_nothing_flows_is_the_worst() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.Threshold(math.inf, 0.0))
    value = SYNFLOW.score(network, noise()).value
    assert math.isfinite(value) and value < SYNFLOW.score(two_layers(), noise()).value


def test_behind_a_normalisation_the_layers_before_it_count_too() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 3, 1), ChannelNorm(3), nn.Conv2d(3, 1, 1))
    second = network[2].weight.abs().flatten()
    carried = network[0].weight.abs().flatten()
    # The mean of the features becomes 1; each of the two layers is told of each path.
    paths = float((carried / carried.mean()) @ second)
    assert SYNFLOW.score(network, noise()).value == pytest.approx(math.log(2 * 36 * paths), rel=1e-5)
