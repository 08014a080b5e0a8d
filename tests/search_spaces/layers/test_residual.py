import torch
from torch import nn

from search_spaces.layers.conv import conv
from search_spaces.layers.residual import Residual, skipped, zero_parameters


def test_the_layers_run_in_order_and_their_output_is_added() -> None:
    features = torch.randn(1, 4, 3, 5)
    assert torch.equal(Residual(nn.ReLU(), nn.Sigmoid())(features), features + features.relu().sigmoid())


def test_a_skipped_block_starts_as_the_identity_and_its_last_layer_learns_first() -> None:
    block, features = skipped(conv(4, 8), nn.ReLU(), conv(8, 4)), torch.randn(1, 4, 6, 6)
    out = block(features)
    assert torch.equal(out, features)
    out.square().sum().backward()
    assert block.body[2].weight.grad.abs().max() > 0
    assert block.body[0].weight.grad.abs().max() == 0


def test_another_layer_can_be_the_one_that_starts_at_zero() -> None:
    first, second = conv(4, 4), conv(4, 4)
    block = skipped(first, second, last=first)
    nn.init.zeros_(second.bias)
    assert first.weight.abs().max() == 0 and second.weight.abs().max() > 0
    features = torch.randn(1, 4, 6, 6)
    assert torch.equal(block(features), features)


def test_all_parameters_of_a_layer_are_set_to_zero() -> None:
    layer = nn.Sequential(conv(2, 2), nn.PReLU())
    zero_parameters(layer)
    assert all(parameter.abs().max() == 0 for parameter in layer.parameters())
