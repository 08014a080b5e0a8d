"""How little the gradients of an untrained network vary from batch to batch."""

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from proxies.proxy import Score, Task, register
from proxies.untrained import gradients, untrained

BATCHES, PATCHES = 4, 4
"""The authors use two batches, but the deviation of a gradient over two batches is mostly random."""


@register
class Zico:
    """Scores by the inverse coefficient of variation of the gradients over batches (Li et al. 2301.11300)."""

    name: ClassVar[str] = "zico"
    trains: ClassVar[bool] = False

    def score(self, network: nn.Module, task: Task) -> Score:
        """Return the `steadiness` of the gradients of `BATCHES` batches of `PATCHES` patches."""
        lr, hr = task.batch(BATCHES * PATCHES)
        seen = untrained(network, lr.device)
        found = [gradients(seen, *batch) for batch in zip(lr.split(PATCHES), hr.split(PATCHES), strict=True)]
        return Score(steadiness(found), "ln of mean over deviation", {})


def steadiness(batches: Sequence[Sequence[Tensor]]) -> float:
    """Return Σ over layers of ln Σ over weights of (mean |g| / deviation of g), both over the batches.

    `batches` holds the gradient of each layer for each batch. Weights with a constant gradient, such as those behind
    dead ReLUs, are left out, and so are layers that have only such weights.
    """
    total = 0.0
    for layer in zip(*batches, strict=True):
        stacked = torch.stack(layer).double()
        deviation = stacked.std(dim=0, correction=0)
        changes = deviation > 0
        ratios = stacked.abs().mean(dim=0)[changes] / deviation[changes]
        if ratios.numel():
            total += math.log(float(ratios.sum()))
    return total
