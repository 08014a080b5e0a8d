"""Parameters and multiply-adds as proxies: what the others have to beat."""

import pytest
import torch
from given_patches import GivenPatches, noise
from torch import nn

from nas.cost import cost
from proxies import PROXIES
from search_spaces import SPACES, Architecture


def test_of_a_convolution_they_are_known() -> None:
    network = nn.Conv2d(1, 5, 3, padding=1)
    assert PROXIES.get("params").score(network, noise(side=6)).value == 5 * 9 + 5
    assert PROXIES.get("macs").score(network, noise(side=6)).value == 5 * 9 * 36


@pytest.mark.parametrize("name", ["hybrid/SESR-M11-like", "hybrid/PAN-like", "irsrmamba"])
def test_they_are_the_cost_of_the_network_for_an_image_as_large_as_a_patch(name: str) -> None:
    architecture = Architecture.published(name) if "/" in name else Architecture(name, 2, 1, SPACES.get(name).smallest)
    price = cost(architecture, (48, 48))
    task = GivenPatches(torch.rand(1, 1, 24, 24), torch.rand(1, 1, 48, 48))
    network = architecture.build()
    assert PROXIES.get("params").score(network, task).value == price.params
    assert PROXIES.get("macs").score(network, task).value == price.macs
