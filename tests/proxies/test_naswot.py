import math

import pytest
import torch
from given_patches import GivenPatches, noise
from torch import Tensor, nn
from torch.nn import functional as F

from proxies import PROXIES

NASWOT = PROXIES.get("naswot")


class Signs(nn.Module):
    """An activation of the image itself, less one half: the code of a patch is what of it is brighter."""

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, image: Tensor) -> Tensor:
        return self.activation(image - 0.5)


def patches_of(*codes: str) -> GivenPatches:
    """32 patches of 1 x 8 pixels: these, then others that are all alike."""
    rows = [[float(pixel) for pixel in code] for code in codes]
    lr = torch.tensor(rows).reshape(len(codes), 1, 1, -1)
    return GivenPatches(lr, lr)


def test_two_codes_give_the_determinant_of_their_agreement() -> None:
    # 16 patches of each of two kinds, which agree in 6 of 8 signs: eigenvalues of 16 (8 ± 6), and 0.
    score = NASWOT.score(Signs(nn.ReLU()), patches_of("11110000", "11111100")).value
    assert score == pytest.approx(math.log(16 * (8 + 6) + 1) + math.log(16 * (8 - 6) + 1))


@pytest.mark.parametrize(
    "activation",
    [nn.ReLU(inplace=True), nn.LeakyReLU(), nn.PReLU(), nn.GELU(), nn.SiLU(), nn.Sigmoid(), nn.Tanh(), nn.ReLU6()],
    ids=lambda activation: type(activation).__name__,
)
def test_all_activations_are_read_alike(activation: nn.Module) -> None:
    assert NASWOT.score(Signs(activation), noise(32)).value == NASWOT.score(Signs(nn.ReLU()), noise(32)).value


def test_activations_without_a_module_count_too() -> None:
    class Functional(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return F.gelu(image - 0.5) * torch.sigmoid(image - 0.5)

    assert NASWOT.score(Functional(), noise(32)).value > NASWOT.score(Signs(nn.ReLU()), noise(32)).value


def test_a_network_without_activations_scores_nothing() -> None:
    assert NASWOT.score(nn.Conv2d(1, 1, 3, padding=1), noise(32)).value == 0.0


def test_networks_that_tell_patches_apart_score_more() -> None:
    bright = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU())
    torch.manual_seed(0)
    nn.init.normal_(bright[0].weight)
    mixed = NASWOT.score(bright, noise(32)).value
    nn.init.constant_(bright[0].bias, 100.0)  # every patch has the same code
    assert mixed > NASWOT.score(bright, noise(32)).value
