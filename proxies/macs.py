"""The number of multiply-adds, a baseline that a zero-cost proxy must beat."""

import copy
from typing import ClassVar

import torch
from torch import nn

from proxies.proxy import Score, Task, register
from search_spaces.layers.fused import fused
from search_spaces.multiply_adds import multiply_adds


@register
class Macs:
    """Scores by the multiply-adds of the inference form for an LR patch: more is better."""

    name: ClassVar[str] = "macs"
    trains: ClassVar[bool] = False

    def score(self, network: nn.Module, task: Task) -> Score:
        """Return the number of multiply-adds. `task` gives only the shape of a patch."""
        lr, _ = task.batch(1)
        counted = copy.deepcopy(fused(network)).to("meta").eval()
        return Score(multiply_adds(counted, torch.empty_like(lr, device="meta")), "MACs", {})
