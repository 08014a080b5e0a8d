import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from nas.training.losses import Batch, Criterion
from nas.training.losses.adversarial import FLATTEST, Adversary
from nas.training.options import Adversarial

Make = Callable[..., Criterion]

KINDS = [
    Adversarial(discriminator=kind, width=4, relativistic=relativistic)
    for kind in ("unet", "patch")
    for relativistic in (False, True)
]


class Mean(nn.Module):
    """A discriminator whose logit is the mean of the image times a weight that it learns, plus 0.5."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))

    def forward(self, image: Tensor) -> Tensor:
        return self.weight * image.mean(dim=(1, 2, 3)) + 0.5


@pytest.fixture
def adversary(make: Make, request: pytest.FixtureRequest) -> Adversary:
    made = make("adversarial", adversarial=request.param)
    assert isinstance(made, Adversary)
    return made


def weights(adversary: Adversary) -> list[Tensor]:
    return [parameter.clone() for parameter in adversary.discriminator.parameters()]


def test_the_losses_have_the_closed_forms(make: Make) -> None:
    """Logits of HR and SR are 0.5 and 0.5 - 2·0.5: binary cross-entropies are softplus of one sign or the other."""

    def softplus(x: float) -> float:
        return math.log1p(math.exp(x))

    hr = torch.tensor([0.25, 0.75]).repeat(1, 1, 8, 4)
    deviation = hr.std().item() + FLATTEST
    batch = Batch(torch.empty(0), hr, hr - 0.5 * deviation)
    for relativistic, own, of_network in (
        (False, (softplus(-0.5) + softplus(-0.5)) / 2, softplus(0.5)),
        (True, softplus(-1), softplus(1)),
    ):
        adversary = make("adversarial", adversarial=Adversarial(width=4, relativistic=relativistic))
        assert isinstance(adversary, Adversary)
        adversary.discriminator = Mean(2.0)
        assert adversary(batch).item() == pytest.approx(of_network)
        assert adversary.learn(batch).item() == pytest.approx(own)


def test_brightness_and_contrast_of_the_scene_do_not_count(make: Make, batch: Batch) -> None:
    """But for flat scenes, of which only the brightness doesn't."""
    adversary = make("adversarial")
    expected = adversary(batch)
    assert adversary(Batch(batch.lr, batch.hr + 0.3, batch.sr + 0.3)).item() == pytest.approx(expected.item(), rel=1e-4)
    bright = [Batch(batch.lr, scale * batch.hr, scale * batch.sr) for scale in (4, 8)]
    assert adversary(bright[0]).item() == pytest.approx(adversary(bright[1]).item(), rel=1e-3)


@pytest.mark.parametrize("adversary", KINDS, indirect=True)
def test_judging_changes_no_weight_and_learning_makes_one_step(adversary: Adversary, batch: Batch) -> None:
    before = weights(adversary)
    adversary(batch).backward()
    assert all(map(torch.equal, before, weights(adversary)))
    assert all(parameter.grad is None for parameter in adversary.discriminator.parameters())
    adversary.learn(Batch(batch.lr, batch.hr, batch.sr.detach()))
    after = weights(adversary)
    assert sum(map(torch.equal, before, after)) <= 1  # the last bias cancels where images are compared
    # Adam's first step moves no weight further than the learning rate.
    assert max((a - b).abs().max() for a, b in zip(before, after, strict=True)) <= 1.01e-3


@pytest.mark.parametrize("adversary", KINDS, indirect=True)
def test_it_learns_to_tell_images_apart_and_the_network_is_pushed_to_the_real_side(adversary: Adversary) -> None:
    generator = torch.Generator().manual_seed(0)
    hr = torch.rand(2, 1, 24, 24, generator=generator)
    sr = torch.nn.functional.avg_pool2d(hr, 5, 1, 2).requires_grad_()  # blurred, as after too little training
    batch = Batch(hr, hr, sr)
    adversary.set_learning_rate(3e-3)
    losses = [adversary.learn(Batch(hr, hr, sr.detach())).item() for _ in range(60)]
    assert losses[-1] < 0.5 * losses[0]
    before = adversary(batch)
    before.backward()
    assert sr.grad is not None
    step = 0.1 * sr.grad / sr.grad.abs().max()
    assert adversary(Batch(hr, hr, (sr - step).detach())) < before
    towards = ((hr - sr.detach()) * -sr.grad).sum()  # the loss falls most where details are missing
    assert towards > 0


def test_the_same_seed_gives_the_same_discriminator_and_leaves_the_dice_alone(make: Make) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first, second, third = (make("adversarial", seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(1), expected)
    assert isinstance(first, Adversary) and isinstance(second, Adversary) and isinstance(third, Adversary)
    assert all(map(torch.equal, weights(first), weights(second)))
    assert not all(map(torch.equal, weights(first), weights(third)))
