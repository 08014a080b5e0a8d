"""One optimisation step of a training, apart from the loop that repeats it."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas.training.average import Average
from nas.training.recipe import Recipe

_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"l1": F.l1_loss, "l2": F.mse_loss}


class Step:
    """Forward, losses, backward, clipping, optimiser and moving average, given a batch that is on the device.

    A call never makes the host wait for the device, and what it runs depends on no tensor's content, so it can be
    captured as a CUDA graph once it was called before; there the optimiser and its learning rate live on the device.
    """

    names = ("loss",)
    """What a call returns, in this order; the first is what is minimised."""

    def __init__(self, network: nn.Module, recipe: Recipe, device: torch.device) -> None:
        self.network: nn.Module = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.forward: Callable[[Tensor], Tensor] = self.network
        """What maps LR to SR in a step: the network, or a wrapper that shares its parameters."""
        self.optimiser = make_adam(self.network, recipe, device)
        self.average = Average(self.network, recipe.ema) if recipe.ema else None
        self._recipe, self._device = recipe, device
        self._loss = _LOSSES[recipe.loss]

    @property
    def networks(self) -> dict[str, nn.Module]:
        """Everything with weights that a step changes, for checkpoints."""
        return {"network": self.network} | ({"average": self.average} if self.average is not None else {})

    @property
    def optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """The optimisers of `networks`, for checkpoints."""
        return {"optimiser": self.optimiser}

    @property
    def kept(self) -> nn.Module:
        """The network that a training is about: the moving average where there is one."""
        return self.network if self.average is None else self.average.module

    def set_learning_rate(self, rate: float) -> None:
        """Set the learning rate of the steps to come; a captured step sees it, too."""
        for group in self.optimiser.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    def __call__(self, lr: Tensor, hr: Tensor) -> Tensor:
        """Make one step with LR [N, C, h, w] and HR [N, C, s h, s w]; return the detached losses, [len(names)]."""
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._recipe.precision == "bfloat16"):
            sr = self.forward(lr.contiguous(memory_format=torch.channels_last))
        loss = self._loss(sr.float(), hr)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), self._recipe.clip)
        self.optimiser.step()
        if self.average is not None:
            self.average.update(self.network)
        return loss.detach()[None]


def make_adam(network: nn.Module, recipe: Recipe, device: torch.device) -> torch.optim.Adam:
    """Return the optimiser of a network's weights, on CUDA one that can be captured."""
    if device.type != "cuda":
        return torch.optim.Adam(network.parameters(), lr=recipe.learning_rate, betas=recipe.betas)
    rate = torch.tensor(recipe.learning_rate, device=device)
    return torch.optim.Adam(network.parameters(), lr=rate, betas=recipe.betas, fused=True, capturable=True)
