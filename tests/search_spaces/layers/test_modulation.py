import pytest
import torch
from torch.nn import functional as F

from search_spaces.layers import modulation
from search_spaces.layers.modulation import (
    SpatialModulation,
    enlarge_to,
    max_pool_to_fraction,
)

SIZES = [(24, 40), (33, 47), (7, 5), (1, 9)]


@pytest.mark.parametrize("size", SIZES)
def test_coarse_features_are_mixed_and_multiply_the_input(size: tuple[int, int]) -> None:
    layer, image = SpatialModulation(8, levels=4), torch.rand(2, 8, *size)
    parts = []
    for level, part in enumerate(image.chunk(4, dim=1)):
        pooled = F.adaptive_max_pool2d(part, [max(1, side // 2**level) for side in size])
        convolved = F.conv2d(pooled, layer.levels[level].weight, layer.levels[level].bias, padding=1, groups=2)
        parts.append(F.interpolate(convolved, size=size))
    mixed = F.conv2d(torch.cat(parts, dim=1), layer.mix.weight, layer.mix.bias)
    assert torch.allclose(layer(image), F.gelu(mixed) * image, atol=1e-6)


def test_any_width_is_shared_out_among_the_levels() -> None:
    layer = SpatialModulation(7, levels=3)
    assert layer.widths == [3, 2, 2]
    assert layer(torch.rand(1, 7, 9, 9)).shape == (1, 7, 9, 9)


@pytest.mark.parametrize("size", [*SIZES, (15, 16), (8, 23)])
@pytest.mark.parametrize("divisor", [1, 2, 4, 8])
def test_the_exported_form_of_the_pooling_computes_the_same(
    size: tuple[int, int], divisor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = torch.rand(1, 3, *size)
    expected = max_pool_to_fraction(image, divisor)
    monkeypatch.setattr(modulation.torch.compiler, "is_exporting", lambda: True)
    assert torch.equal(max_pool_to_fraction(image, divisor), expected)
    assert expected.shape[-2:] == tuple(max(1, side // divisor) for side in size)


def test_enlarging_copies_pixels() -> None:
    coarse = torch.tensor([[1.0, 2.0]])[None, None]
    assert enlarge_to(coarse, torch.empty(1, 1, 2, 4))[0, 0].tolist() == [[1, 1, 2, 2], [1, 1, 2, 2]]
