from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from nas.training.recipe import Recipe
from nas.training.step import Step

CPU = torch.device("cpu")
Make = Callable[..., Recipe]


class NoLook(TorchDispatchMode):
    """Fails when the content of a tensor is looked at, which makes a GPU wait and ends the capture of a graph."""

    def __torch_dispatch__(
        self, function: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        assert function not in (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default)
        return function(*args, **(kwargs or {}))


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2, 1, 12, 12, generator=generator), torch.rand(2, 1, 24, 24, generator=generator)


def test_steps_lower_the_loss_that_they_return(make_recipe: Make, network: nn.Module) -> None:
    step = Step(network, make_recipe(), CPU)
    losses = [step(*batch()) for _ in range(30)]
    assert all(loss.shape == (len(step.names),) and not loss.requires_grad for loss in losses)
    assert losses[-1][0] < losses[0][0]


def test_a_step_never_looks_at_a_tensor(make_recipe: Make, network: nn.Module) -> None:
    step = Step(network, make_recipe(ema=0.9), CPU)
    # On a CPU the other implementations count in tensors that they look at; on CUDA the optimiser is this one.
    step.optimiser = torch.optim.Adam(step.network.parameters(), fused=True)
    with NoLook():
        for _ in range(2):
            step(*batch())


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_the_learning_rate_of_the_next_step_can_be_set(make_recipe: Make, network: nn.Module, ema: float) -> None:
    step = Step(network, make_recipe(ema=ema), CPU)
    before = [p.clone() for p in network.parameters()]
    step.set_learning_rate(0.0)
    step(*batch())
    assert all(map(torch.equal, before, network.parameters()))
    step.set_learning_rate(0.01)
    step(*batch())
    moved = [(a - b).abs().max().item() for a, b in zip(before, network.parameters(), strict=True)]
    assert 0.005 < max(moved) < 0.04  # Adam moves a weight by about its learning rate


def test_a_tensor_that_holds_the_learning_rate_stays_the_same_tensor(make_recipe: Make, network: nn.Module) -> None:
    step = Step(network, make_recipe(), CPU)
    rate = torch.tensor(1.0)
    step.optimiser = torch.optim.Adam(step.network.parameters(), lr=rate, fused=True)
    step.set_learning_rate(0.25)
    assert rate.item() == 0.25


def test_what_wraps_the_network_is_what_a_step_calls(make_recipe: Make, network: nn.Module) -> None:
    step = Step(network, make_recipe(), CPU)
    seen: list[Tensor] = []

    def wrapped(lr: Tensor) -> Tensor:
        seen.append(lr)
        return network(lr)

    step.forward = wrapped
    step(*batch())
    assert len(seen) == 1


def test_what_is_kept_is_the_average_where_there_is_one(make_recipe: Make, network: nn.Module) -> None:
    assert Step(network, make_recipe(), CPU).kept is network
    step = Step(network, make_recipe(ema=0.9), CPU)
    assert step.average is not None and step.kept is step.average.module
    assert set(step.networks) == {"network", "average"}
