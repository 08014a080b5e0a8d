import math
from collections.abc import Callable

import torch
from torch import Tensor

from nas.training.losses import Batch, Criterion

Make = Callable[..., Criterion]


def constant(*values: float) -> Tensor:
    return torch.tensor(values).repeat(1, 1, 4, 4 // len(values))


def between(sr: Tensor, hr: Tensor) -> Batch:
    return Batch(torch.empty(0), hr, sr)


def test_a_constant_offset_gives_the_closed_forms(make: Make) -> None:
    batch = between(constant(0.7), constant(0.4))
    assert math.isclose(make("l1")(batch), 0.3, rel_tol=1e-6)
    assert math.isclose(make("l2")(batch), 0.09, rel_tol=1e-6)
    assert math.isclose(make("charbonnier")(batch), math.hypot(0.3, 1e-3), rel_tol=1e-6)


def test_offsets_of_both_signs_do_not_cancel(make: Make) -> None:
    batch = between(constant(0.5, 0.1), constant(0.3, 0.3))
    assert math.isclose(make("l1")(batch), 0.2, rel_tol=1e-6)
    assert math.isclose(make("l2")(batch), 0.04, rel_tol=1e-6)


def test_charbonnier_is_as_steep_as_l1_far_from_zero_and_flat_at_zero(make: Make) -> None:
    for difference, slope in ((0.5, 1.0), (0.0, 0.0), (1e-3, math.sqrt(0.5))):
        sr = torch.full((1, 1, 1, 1), difference, requires_grad=True)
        make("charbonnier")(between(sr, torch.zeros(1, 1, 1, 1))).backward()
        assert sr.grad is not None and math.isclose(sr.grad.item(), slope, abs_tol=1e-4)
