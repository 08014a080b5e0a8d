"""The number of multiply-adds: what a zero-cost proxy has to beat."""

import copy
from typing import ClassVar

import torch
from torch import nn

from proxies.proxy import Score, Task, register
from search_spaces.layers.collapsible import fused
from search_spaces.multiply_adds import multiply_adds


@register
class Macs:
    """Scores by the multiply-adds of the inference form for one LR patch: the more, the better."""

    name: ClassVar[str] = "macs"
    trains: ClassVar[bool] = False

    def score(self, network: nn.Module, task: Task) -> Score:
        """Return the number of multiply-adds; of `task` only the shape of its patches counts."""
        lr, _ = task.batch(1)
        counted = copy.deepcopy(fused(network)).to("meta").eval()
        return Score(multiply_adds(counted, torch.empty_like(lr, device="meta")), "MACs", {})
