import torch
from torch import nn

from search_spaces.layers.gates import FeatureGate, GatedDepthwise


def test_a_feature_gate_multiplies_the_sum_by_a_linear_map_of_the_answer() -> None:
    block = FeatureGate(4, convs=2)
    x = torch.randn(1, 4, 6, 5)
    answer = block.convs[1](block.convs[0](x).relu())
    assert torch.allclose(block(x), (x + answer) * block.gate(answer))


def test_an_open_gate_with_a_last_convolution_of_zeros_is_the_identity() -> None:
    block = FeatureGate(4)
    block.start_open()
    for parameter in block.convs[-1].parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(2, 4, 3, 3)
    assert torch.equal(block(x), x)


def test_a_gated_depthwise_block_multiplies_its_halves() -> None:
    block = GatedDepthwise(4, 6, 3, nn.Identity())
    x = torch.randn(1, 4, 7, 7)
    value, gate = block.depthwise(block.widen(x)).split(6, dim=1)
    assert torch.allclose(block(x), block.narrow(value * gate))
