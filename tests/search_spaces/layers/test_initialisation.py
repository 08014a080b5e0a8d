import pytest
import torch
from torch import nn

from search_spaces.layers.conv import conv
from search_spaces.layers.initialisation import keep_variance, start_small


def power(module: nn.Module, features: torch.Tensor) -> float:
    return (module(features).square().mean() / features.square().mean()).item()


def test_a_deep_chain_neither_grows_nor_fades() -> None:
    torch.manual_seed(0)
    chain = nn.Sequential(*(layer for _ in range(20) for layer in (conv(32, 32), nn.ReLU())))
    keep_variance(chain)
    # The border, padded with zeros, takes some of it away.
    assert 0.1 < power(chain, torch.rand(1, 32, 48, 48)) < 4


@pytest.mark.parametrize(
    "module",
    [
        conv(64, 64),
        conv(64, 64, groups=8),
        nn.ConvTranspose2d(64, 64, 4, 2, 1),
        nn.ConvTranspose2d(64, 64, 9, 3, 4, 2),
    ],
)
def test_a_convolution_doubles_the_power_of_which_a_relu_takes_half(module: nn.Module) -> None:
    torch.manual_seed(0)
    keep_variance(module)
    assert power(module, torch.randn(1, 64, 40, 40)) == pytest.approx(2, rel=0.2)
    assert not module.bias.any()


def test_a_residual_branch_that_starts_small_adds_a_tenth_of_the_power() -> None:
    torch.manual_seed(0)
    branch = nn.Sequential(nn.ReLU(), conv(64, 64))
    keep_variance(branch)
    start_small(branch[-1])
    assert power(branch, torch.randn(1, 64, 40, 40)) == pytest.approx(0.09, rel=0.2)
