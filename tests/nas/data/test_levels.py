import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nas.data.levels import Levels


@pytest.mark.parametrize(("dtype", "limit"), [(np.uint8, 255), (np.uint16, 65535)])
def test_the_levels_of_a_type_are_its_whole_range(dtype: type, limit: int) -> None:
    levels = Levels.of_type(dtype)
    assert (levels.low, levels.high, levels.limit, levels.peak) == (0, limit, limit, limit)


@given(st.integers(0, 60_000), st.integers(1, 5_535))
def test_every_integer_comes_back(low: int, width: int) -> None:
    levels = Levels(low, low + width, 65535, width)
    integers = torch.arange(65536)
    assert torch.equal(levels.integers(levels.values(integers)), integers.float())


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_an_image_becomes_a_tensor_of_its_values(dtype: type) -> None:
    pixels = np.arange(12, dtype=dtype).reshape(3, 4)
    tensor = Levels(2, 12, 255, 10).tensor(pixels[:, ::2])
    assert tensor.shape == (1, 1, 3, 2)
    assert tensor[0, 0].tolist() == torch.tensor([[-0.2, 0.0], [0.2, 0.4], [0.6, 0.8]]).tolist()


def test_values_beyond_are_kept_and_integers_are_rounded_half_up_and_clipped() -> None:
    levels = Levels(1000, 2000, 65535, 1000)
    assert levels.values(torch.tensor([500, 3000])).tolist() == [-0.5, 2.0]
    assert levels.integers(torch.tensor([0.0004, 0.0005, -2.0, 100.0])).tolist() == [1000, 1001, 0, 65535]
