from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from no_look import NoLook
from torch import Tensor, nn

from nas.errors import InputError
from nas.model import Model
from nas.training.recipe import Recipe
from nas.training.step import Step
from search_spaces import Architecture

CPU = torch.device("cpu")
Make = Callable[..., Recipe]


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2, 1, 12, 12, generator=generator), torch.rand(2, 1, 24, 24, generator=generator)


def make_step(network: nn.Module, recipe: Recipe) -> Step:
    return Step(network, recipe, CPU, scale=2, seed=0)


def test_steps_lower_the_loss_that_they_return(make_recipe: Make, network: nn.Module) -> None:
    step = make_step(network, make_recipe())
    losses = [step(*batch()) for _ in range(30)]
    assert all(loss.shape == (len(step.names),) and not loss.requires_grad for loss in losses)
    assert losses[-1][0] < losses[0][0]


def test_a_step_never_looks_at_a_tensor(make_recipe: Make, network: nn.Module) -> None:
    step = make_step(network, make_recipe(losses={"l1": 1.0, "fft": 0.1, "ssim": 0.1, "gradient": 0.1}, ema=0.9))
    with NoLook():
        for _ in range(2):
            step(*batch())


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_the_learning_rate_of_the_next_step_can_be_set(make_recipe: Make, network: nn.Module, ema: float) -> None:
    step = make_step(network, make_recipe(ema=ema))
    before = [p.clone() for p in network.parameters()]
    step.set_learning_rate(0.0)
    step(*batch())
    assert all(map(torch.equal, before, network.parameters()))
    step.set_learning_rate(0.01)
    step(*batch())
    moved = [(a - b).abs().max().item() for a, b in zip(before, network.parameters(), strict=True)]
    assert 0.005 < max(moved) < 0.04  # Adam moves a weight by about its learning rate


def test_a_tensor_that_holds_the_learning_rate_stays_the_same_tensor(make_recipe: Make, network: nn.Module) -> None:
    step = make_step(network, make_recipe())
    rate = torch.tensor(1.0)
    step.optimiser = torch.optim.Adam(step.network.parameters(), lr=rate, fused=True)
    step.set_learning_rate(0.25)
    assert rate.item() == 0.25


ADVERSARIAL = {"losses": {"l1": 1.0, "adversarial": 0.1}, "adversarial": {"width": 4}, "ema": 0.9}


def test_a_discriminator_makes_one_step_with_the_network(make_recipe: Make, network: nn.Module) -> None:
    step = make_step(network, make_recipe(**ADVERSARIAL))
    assert step.names == ("loss", "l1", "adversarial", "discriminator")
    assert set(step.networks) == {"network", "average", "discriminator"}
    assert set(step.optimisers) == {"optimiser", "discriminator optimiser"}
    step.set_learning_rate(1e-3)
    before = {name: [p.clone() for p in net.parameters()] for name, net in step.networks.items()}
    losses = step(*batch())
    assert losses.shape == (4,) and losses[0].item() == pytest.approx((losses[1] + 0.1 * losses[2]).item())
    for name in ("network", "discriminator"):
        moved = [(a - b).abs().max() for a, b in zip(before[name], step.networks[name].parameters(), strict=True)]
        assert 0 < max(moved) <= 1.01e-3  # Adam's first step moves no weight further than the learning rate


def test_losses_that_count_later_do_nothing_before(make_recipe: Make, network: nn.Module) -> None:
    stages = [{"share": 0.5, "losses": {"l2": 1.0}}, {"share": 0.5}]
    step = make_step(network, make_recipe(**ADVERSARIAL, stages=stages))
    assert step.names == ("loss", "l2")
    before = [p.clone() for p in step.networks["discriminator"].parameters()]
    step(*batch())
    assert all(map(torch.equal, before, step.networks["discriminator"].parameters()))
    step.weigh({"l1": 1.0, "adversarial": 0.1})
    step(*batch())
    assert not all(map(torch.equal, before, step.networks["discriminator"].parameters()))


def test_what_wraps_the_network_is_what_a_step_calls(make_recipe: Make, network: nn.Module) -> None:
    step = make_step(network, make_recipe())
    seen: list[Tensor] = []

    def wrapped(lr: Tensor) -> Tensor:
        seen.append(lr)
        return network(lr)

    step.forward = wrapped
    step(*batch())
    assert len(seen) == 1


def test_what_is_kept_is_the_average_where_there_is_one(make_recipe: Make, network: nn.Module) -> None:
    assert make_step(network, make_recipe()).kept is network
    step = make_step(network, make_recipe(ema=0.9))
    assert step.average is not None and step.kept is step.average.module
    assert set(step.networks) == {"network", "average"}


def test_a_teacher_that_sees_other_levels_than_the_recipe_is_refused(
    make_recipe: Make, network: nn.Module, architecture: Architecture, tmp_path: Path
) -> None:
    Model(architecture, network, {"normalisation": {"kind": "type"}}, {}).save(tmp_path / "teacher")
    recipe = make_recipe(losses={"distillation": 1.0}, teacher=str(tmp_path / "teacher"), normalisation="image")
    with pytest.raises(InputError, match=r"write 'normalisation: \{kind: type\}' in the recipe"):
        make_step(network, recipe)
