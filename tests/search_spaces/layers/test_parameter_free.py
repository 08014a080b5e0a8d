import torch
from torch import nn
from torch.nn import functional as F

from search_spaces.layers.parameter_free import ParameterFreeAttention


def test_features_and_their_answer_are_multiplied_by_a_map_odd_about_zero() -> None:
    block, features = ParameterFreeAttention(4), torch.randn(2, 4, 6, 5)
    answer = features
    for index, layer in enumerate(block.convs):
        answer = F.conv2d(F.silu(answer) if index else answer, layer.weight, layer.bias, padding=1)
    assert torch.allclose(block(features), (features + answer) * (torch.sigmoid(answer) - 0.5), atol=1e-6)


def test_where_the_convolutions_say_nothing_nothing_comes_through() -> None:
    features = torch.randn(1, 4, 3, 3)
    assert not ParameterFreeAttention.attend(features, torch.zeros_like(features)).any()


def test_the_convolutions_may_be_any() -> None:
    block = ParameterFreeAttention(3, convs=2, make_conv=lambda inputs, outputs: nn.Conv2d(inputs, outputs, 1))
    assert [layer.kernel_size for layer in block.convs] == [(1, 1), (1, 1)]
    features = torch.rand(1, 3, 4, 4)
    first, last = block.stages(features)
    assert torch.equal(first, block.convs[0](features))
    assert torch.equal(block(features), block.attend(features, last))
