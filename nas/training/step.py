"""One optimisation step of a training, apart from the loop that repeats it."""

import functools
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from nas.training.ema import Average
from nas.training.losses import LOSSES, Batch, Learner, Setting
from nas.training.options import Adversarial, Features
from nas.training.recipe import Recipe


class Step:
    """Forward, losses, backward, clipping, optimiser and moving average, given a batch that is on the device.

    Then the losses that learn themselves, such as a discriminator, make their own step.

    A call never makes the host wait for the device, and what it runs depends on no tensor's content, so it can be
    captured as a CUDA graph once it was called before; there the optimisers and their learning rates live on the
    device. `weigh` and shapes of another size make another graph.

    `average_gradients` is called with the weights that were given gradients, before they are clipped and used: where
    several processes train together, they exchange them there.
    """

    def __init__(
        self,
        network: nn.Module,
        recipe: Recipe,
        device: torch.device,
        *,
        scale: int,
        seed: int,
        average_gradients: Callable[[Sequence[nn.Parameter]], None] = lambda parameters: None,
    ) -> None:
        self.network: nn.Module = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.forward: Callable[[Tensor], Tensor] = self.network
        """What maps LR to SR in a step: the network, or a wrapper that shares its parameters."""
        self.optimiser = _make_adam(self.network, recipe, device)
        self.average = Average(self.network, recipe.ema) if recipe.ema else None
        self._parameters = list(self.network.parameters())
        self._recipe, self._device = recipe, device
        self._average_gradients = average_gradients
        setting = Setting(
            scale=scale,
            normalisation=recipe.normalisation,
            device=device,
            seed=seed,
            autocast=self._autocast,
            make_optimiser=lambda other: _make_adam(other, recipe, device),
            set_learning_rate=_set_learning_rate,
            average_gradients=average_gradients,
            features=recipe.features or Features(),
            adversarial=recipe.adversarial or Adversarial(),
            teacher=recipe.teacher,
        )
        self._criteria = {name: LOSSES.get(name).make(setting) for name in recipe.all_losses}
        self._all_learners = [criterion for criterion in self._criteria.values() if isinstance(criterion, Learner)]
        self.weigh(recipe.phases[0].losses)

    def weigh(self, losses: Mapping[str, float]) -> None:
        """Let the steps to come minimise the sum of these of the recipe's losses, by their weights."""
        self._weights = dict(losses)
        self._learners = [c for name, c in self._criteria.items() if name in losses and isinstance(c, Learner)]
        self.names: tuple[str, ...] = ("loss", *losses, *(learner.learns for learner in self._learners))
        """What a call returns, in this order: the sum that is minimised, each loss without its weight, and the losses
        of what learns beside the network."""

    @property
    def networks(self) -> dict[str, nn.Module]:
        """Everything with weights that a step changes, for checkpoints."""
        found = {"network": self.network} | ({"average": self.average} if self.average is not None else {})
        for learner in self._all_learners:
            found |= learner.networks
        return found

    @property
    def optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """The optimisers of `networks`, for checkpoints."""
        found: dict[str, torch.optim.Optimizer] = {"optimiser": self.optimiser}
        for learner in self._all_learners:
            found |= learner.optimisers
        return found

    @property
    def kept(self) -> nn.Module:
        """The network that a training is about: the moving average where there is one."""
        return self.network if self.average is None else self.average.module

    def set_learning_rate(self, rate: float) -> None:
        """Set the learning rate of the steps to come; a captured step sees it, too."""
        _set_learning_rate(self.optimiser, rate)
        for learner in self._learners:
            learner.set_learning_rate(rate)

    def __call__(self, lr: Tensor, hr: Tensor) -> Tensor:
        """Make one step with LR [N, 1, h, w] and HR [N, 1, s h, s w]; return the detached losses, [len(names)]."""
        with self._autocast():
            sr = self.forward(lr.contiguous(memory_format=torch.channels_last))
        batch = Batch(lr, hr, sr.float())
        losses = [self._criteria[name](batch) for name in self._weights]
        total = functools.reduce(torch.add, (w * loss for w, loss in zip(self._weights.values(), losses, strict=True)))
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        self._average_gradients(self._parameters)
        nn.utils.clip_grad_norm_(self._parameters, self._recipe.clip)
        self.optimiser.step()
        if self.average is not None:
            self.average.update()
        seen = Batch(lr, hr, batch.sr.detach())
        learned = [learner.learn(seen) for learner in self._learners]
        return torch.stack([total, *losses, *learned]).detach()

    def _autocast(self) -> AbstractContextManager[object]:
        return torch.autocast(self._device.type, torch.bfloat16, enabled=self._recipe.precision == "bfloat16")


def _make_adam(network: nn.Module, recipe: Recipe, device: torch.device) -> torch.optim.Adam:
    """Return the optimiser of a network's weights, on CUDA one that can be captured.

    Fused, since many small tensors one by one take as long as a fifth of a small network's step (measured: 2.8 ms of
    20 ms on a CPU, now 0.5).
    """
    if device.type != "cuda":
        return torch.optim.Adam(network.parameters(), lr=recipe.learning_rate, betas=recipe.betas, fused=True)
    rate = torch.tensor(recipe.learning_rate, device=device)
    return torch.optim.Adam(network.parameters(), lr=rate, betas=recipe.betas, fused=True, capturable=True)


def _set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate
