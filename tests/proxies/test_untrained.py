import pytest
import torch
from torch import nn

from proxies.untrained import gradients, untrained, weights
from search_spaces import Architecture
from search_spaces.layers.collapsible import Collapsible

CPU = torch.device("cpu")


def test_weights_that_start_at_zero_are_drawn_so_that_the_signal_keeps_its_variance() -> None:
    layer = nn.Conv2d(64, 64, 3, padding=1, bias=False)
    nn.init.zeros_(layer.weight)
    torch.manual_seed(0)
    output = untrained(layer, CPU)(torch.randn(1, 64, 40, 40))
    assert float(output[..., 1:-1, 1:-1].var()) == pytest.approx(1.0, rel=0.1)


def test_a_transposed_convolution_keeps_it_too() -> None:
    layer = nn.ConvTranspose2d(64, 16, 4, stride=2, padding=1, bias=False)
    nn.init.zeros_(layer.weight)
    torch.manual_seed(0)
    output = untrained(layer, CPU)(torch.randn(1, 64, 40, 40))
    assert float(output[..., 2:-2, 2:-2].var()) == pytest.approx(1.0, rel=0.1)


def test_several_of_them_share_the_variance() -> None:
    layers = nn.Sequential(*(nn.Conv2d(64, 64, 3, bias=False) for _ in range(4)))
    for layer in layers:
        nn.init.zeros_(layer.weight)
    drawn = untrained(layers, CPU)
    assert all(float(layer.weight.var()) == pytest.approx(1 / (4 * 64 * 9), rel=0.05) for layer in drawn)


def test_other_weights_are_left() -> None:
    layer = nn.Conv2d(2, 2, 3)
    assert torch.equal(untrained(layer, CPU).weight, layer.weight)


def test_a_gradient_reaches_every_layer_behind_an_image_skip() -> None:
    torch.manual_seed(0)
    network = Architecture.published("hybrid/BSRN-like").build()
    lr, hr = torch.rand(2, 1, 12, 12), torch.rand(2, 1, 24, 24)
    asleep = sum(not gradient.any() for gradient in gradients(network, lr, hr))
    assert asleep > 50
    assert all(gradient.any() for gradient in gradients(untrained(network, CPU), lr, hr))


def test_branches_are_fused() -> None:
    network = Architecture.published("ecbsr/M4C16").build()
    assert any(isinstance(module, Collapsible) for module in network.modules())
    assert not any(isinstance(module, Collapsible) for module in untrained(network, CPU).modules())


def test_biases_and_slopes_are_no_weights() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.PReLU(4), nn.Conv2d(4, 1, 3))
    assert [tuple(weight.shape) for weight in weights(network)] == [(4, 1, 3, 3), (1, 4, 3, 3)]


def test_gradients_are_those_of_the_mean_absolute_error() -> None:
    network = nn.Conv2d(1, 1, 1, bias=False)
    nn.init.constant_(network.weight, 0.5)
    lr, hr = torch.full((1, 1, 2, 2), 0.8), torch.zeros(1, 1, 2, 2)
    (gradient,) = gradients(network, lr, hr)
    assert gradient.item() == pytest.approx(0.8)  # d/dw of |0.8 w| where it is positive
