import math

import pytest
import torch
from given_patches import noise
from torch import nn

from proxies import PROXIES
from proxies.zico import steadiness


def test_it_is_the_logarithm_of_mean_over_deviation() -> None:
    # |g| has the means 2 and 3, the deviations are 1 and 3 (of the signed gradients).
    batches = [[torch.tensor([1.0, 3.0])], [torch.tensor([3.0, -3.0])]]
    assert steadiness(batches) == pytest.approx(math.log(2 / 1 + 3 / 3))


def test_layers_are_summed() -> None:
    one = [torch.tensor([1.0]), torch.tensor([3.0])]
    other = [torch.tensor([5.0]), torch.tensor([1.0])]
    both = [[a, b] for a, b in zip(one, other, strict=True)]
    assert steadiness(both) == pytest.approx(steadiness([[a] for a in one]) + steadiness([[b] for b in other]))


def test_what_never_changes_is_left_out() -> None:
    changing = [[torch.tensor([1.0])], [torch.tensor([3.0])]]
    dead = [[torch.tensor([1.0, 0.0]), torch.zeros(3)], [torch.tensor([3.0, 0.0]), torch.zeros(3)]]
    assert steadiness(dead) == steadiness(changing)


def test_the_scale_of_the_gradients_does_not_matter() -> None:
    torch.manual_seed(0)
    batches = [[torch.randn(4, 4)] for _ in range(3)]
    assert steadiness([[7e-9 * layer for layer in one] for one in batches]) == pytest.approx(
        steadiness(batches), rel=1e-5
    )


def test_more_layers_say_more() -> None:
    torch.manual_seed(0)
    layers = [nn.Sequential(nn.Conv2d(width, 8, 3, padding=1), nn.ReLU()) for width in (1, 8, 8, 8)]
    shallow, deep = (nn.Sequential(*layers[:count], nn.Conv2d(8, 1, 3, padding=1)) for count in (1, 4))
    zico = PROXIES.get("zico")
    assert zico.score(deep, noise(16)).value > zico.score(shallow, noise(16)).value
