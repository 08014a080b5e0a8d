import math
from collections.abc import Callable

import torch

from nas.training.losses import Batch, Criterion

Make = Callable[..., Criterion]


def test_an_offset_costs_nothing(make: Make) -> None:
    hr = torch.rand(1, 1, 8, 8)
    assert make("gradient")(Batch(hr, hr, hr + 0.25)) < 1e-6


def test_a_slope_gives_the_closed_form(make: Make) -> None:
    """A ramp of 0.01 a column differs by that in all horizontal neighbours and by nothing in vertical ones."""
    ramp = (0.01 * torch.arange(8.0)).expand(1, 1, 8, 8)
    flat = torch.zeros_like(ramp)
    for turned in (ramp, ramp.mT):
        assert math.isclose(make("gradient")(Batch(flat, flat, turned)), 0.01 / 2, rel_tol=1e-5)
