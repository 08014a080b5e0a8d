"""A task that has patches and trains nothing, for proxies that are checked by hand."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from proxies.proxy import Training


@dataclass(frozen=True)
class GivenPatches:
    """Satisfies `proxies.Task`: its patches are repeated as often as they are asked for."""

    lr: Tensor
    hr: Tensor

    def train(self, network: nn.Module) -> Training:
        raise AssertionError("a proxy without training asked for one")

    def batch(self, size: int) -> tuple[Tensor, Tensor]:
        times = -(-size // len(self.lr))
        return self.lr.repeat(times, 1, 1, 1)[:size], self.hr.repeat(times, 1, 1, 1)[:size]


def noise(count: int = 4, side: int = 6) -> GivenPatches:
    draws = torch.Generator().manual_seed(0)
    return GivenPatches(
        torch.rand(count, 1, side, side, generator=draws), torch.rand(count, 1, side, side, generator=draws)
    )
