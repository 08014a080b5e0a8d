import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from search_spaces.layers.swin import SwinGroup, SwinLayer
from search_spaces.layers.window import shift_mask


@pytest.mark.parametrize("shifted", [False, True])
def test_a_layer_is_that_of_the_formula(shifted: bool) -> None:
    layer = SwinLayer(12, 2, 4, 2, shifted=shifted)
    x = torch.randn(1, 8, 12, 12)
    mask = shift_mask(x, (4, 4), (2, 2))

    def attention(x: Tensor) -> Tensor:
        shift = 2 if shifted else 0
        rolled = x.roll((-shift, -shift), (1, 2))
        for row in range(2):
            for column in range(3):
                part = (0, slice(4 * row, 4 * row + 4), slice(4 * column, 4 * column + 4))
                window = rolled[part].reshape(1, 1, 16, 12)
                hidden = mask[3 * row + column][None] if shifted else None
                rolled[part] = layer.attention(window, hidden).view(4, 4, 12)
        return rolled.roll((shift, shift), (1, 2))

    with torch.no_grad():
        expected = x + attention(F.layer_norm(x, (12,), layer.norm1.weight, layer.norm1.bias))
        expected = expected + layer.mlp(F.layer_norm(expected, (12,), layer.norm2.weight, layer.norm2.bias))
        assert torch.allclose(layer(x, mask), expected, atol=1e-6)


def test_a_group_runs_its_layers_then_a_convolution_and_adds_its_input() -> None:
    group, features = SwinGroup(12, 2, 4, 2, depth=3), torch.randn(1, 8, 12, 12)
    mask = shift_mask(features, (4, 4), (2, 2))
    mixed = features
    for layer in group.layers:
        mixed = layer(mixed, mask)
    expected = features + group.conv(mixed.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    assert [layer.shift for layer in group.layers] == [0, 2, 0]
    assert torch.allclose(group(features, mask), expected, atol=1e-6)
