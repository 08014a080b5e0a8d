"""The optimisers that `benchmarks/optimisers_compared.py` compares with Adam."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from nas.training.recipe import Recipe

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""The coefficients of the quintic iteration (Jordan et al., Muon, 2024)."""
ITERATIONS = 5
MOMENTUM = 0.95
RMS = 0.2
"""Root mean square of an update at learning rate 1, about that of Adam (Liu et al., arXiv 2502.16982)."""


class Muon(torch.optim.Optimizer):
    """Momentum whose matrices are made orthogonal, for dense convolutions of the body; Adam for the rest.

    A weight [out, in, k, k] is the matrix [out, in·k·k]. The first and the last convolution, depthwise convolutions and
    vectors are Adam's. Matrices of one shape are made orthogonal together.
    """

    def __init__(self, network: nn.Module, recipe: Recipe) -> None:
        named = list(network.named_parameters())
        last = [name for name, parameter in named if parameter.dim() == 4][-1]
        matrices = [p for name, p in named if p.dim() == 4 and p.shape[1] > 1 and name != last]
        mine = {id(parameter) for parameter in matrices}
        rest = [parameter for _, parameter in named if id(parameter) not in mine]
        super().__init__([{"params": matrices}] if matrices else [{"params": rest}], {"lr": recipe.learning_rate})
        self._momenta = [torch.zeros_like(parameter) for parameter in matrices]
        self._adam = torch.optim.Adam(rest, lr=recipe.learning_rate, betas=recipe.betas, fused=True)
        self._shapes: dict[tuple[int, int], list[int]] = {}
        for i, parameter in enumerate(matrices):
            self._shapes.setdefault((len(parameter), parameter[0].numel()), []).append(i)
        self._matrices = matrices

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        super().zero_grad(set_to_none)
        self._adam.zero_grad(set_to_none)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        """Change the weights by their gradients."""
        rate = self.param_groups[0]["lr"]
        self._adam.param_groups[0]["lr"] = rate
        self._adam.step()
        gradients = [_gradient(parameter) for parameter in self._matrices]
        if not gradients:
            return
        torch._foreach_lerp_(self._momenta, gradients, 1 - MOMENTUM)
        ahead = torch._foreach_lerp(gradients, self._momenta, MOMENTUM)  # Nesterov
        for (rows, columns), members in self._shapes.items():
            updates = orthogonal(torch.stack([ahead[i].flatten(1) for i in members]))
            factor = -rate * RMS * max(rows, columns) ** 0.5
            for i, update in zip(members, updates, strict=True):
                self._matrices[i].add_(update.view(self._matrices[i].shape), alpha=factor)


def orthogonal(matrices: Tensor) -> Tensor:
    """Return matrices [n, rows, columns] with their singular values moved to about 1."""
    a, b, c = NEWTON_SCHULZ
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-12)
    for _ in range(ITERATIONS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x.mT if tall else x


def _gradient(parameter: Tensor) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def schedule_free(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return schedule-free AdamW (Defazio et al., arXiv 2405.15682), which averages the weights itself."""
    from schedulefree import AdamWScheduleFree

    made: torch.optim.Optimizer = AdamWScheduleFree(
        network.parameters(), lr=recipe.learning_rate, betas=recipe.betas, warmup_steps=0
    )
    return made


def _of_torch(kind: Callable[..., torch.optim.Optimizer], **options: Any) -> "Maker":
    def make(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
        return kind(network.parameters(), lr=recipe.learning_rate, betas=recipe.betas, **options)

    return make


Maker = Callable[[nn.Module, Recipe], torch.optim.Optimizer]

OPTIMISERS: Mapping[str, Maker] = {
    "Adam": _of_torch(torch.optim.Adam, fused=True),
    "Muon": Muon,
    "schedule-free AdamW": schedule_free,
    "NAdam": _of_torch(torch.optim.NAdam, foreach=True),
    "RAdam": _of_torch(torch.optim.RAdam, foreach=True),
}
"""Each optimiser by its name; schedule-free AdamW needs the package `schedulefree`."""


def averaged(optimiser: torch.optim.Optimizer, asked: bool) -> None:
    """Set the weights to the average of a schedule-free optimiser, or back to those that it trains."""
    change = getattr(optimiser, "eval" if asked else "train", None)
    if change is not None:
        change()
