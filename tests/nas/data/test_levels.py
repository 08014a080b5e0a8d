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


def test_values_beyond_are_kept_and_integers_are_rounded_half_up_and_clipped() -> None:
    levels = Levels(1000, 2000, 65535, 1000)
    assert levels.values(torch.tensor([500, 3000])).tolist() == [-0.5, 2.0]
    assert levels.integers(torch.tensor([0.0004, 0.0005, -2.0, 100.0])).tolist() == [1000, 1001, 0, 65535]
