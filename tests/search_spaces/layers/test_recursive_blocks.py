import torch
from torch import nn
from torch.nn import functional as F

from search_spaces.layers.recursive_blocks import SHARE, RgtBlock, RgtForward, RgtGroup


def test_one_half_of_the_hidden_features_gates_the_other() -> None:
    layer, features = RgtForward(6, 8), torch.randn(1, 5, 4, 6)
    hidden = F.gelu(layer.expand(features))
    gate = layer.gate(F.layer_norm(hidden[..., 4:], (4,)).movedim(3, 1)).movedim(1, 3)
    assert torch.allclose(layer(features), layer.project(hidden[..., :4] * gate), atol=1e-6)


def test_a_block_adds_a_small_share_of_its_input() -> None:
    block, features = RgtBlock(6, 8, nn.Identity()), torch.randn(1, 5, 4, 6)
    mixed = features + block.norm1(features)
    expected = mixed + block.forwards(block.norm2(mixed)) + SHARE * features
    assert torch.allclose(block(features), expected, atol=1e-6)


def test_a_group_convolves_the_output_of_its_blocks_and_adds_its_input() -> None:
    group, features = RgtGroup([nn.Identity(), nn.GELU()], 6), torch.randn(1, 5, 4, 6)
    expected = features + group.conv(F.gelu(features).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    assert torch.allclose(group(features), expected, atol=1e-6)
