"""The number of parameters, a baseline that a zero-cost proxy must beat."""

from typing import ClassVar

from torch import nn

from proxies.proxy import Score, Task, register
from search_spaces.layers.fused import fused


@register
class Params:
    """Scores by the trainable parameters of the inference form: more is better."""

    name: ClassVar[str] = "params"
    trains: ClassVar[bool] = False

    def score(self, network: nn.Module, task: Task) -> Score:
        """Return the number of parameters, biases included."""
        count = sum(parameter.numel() for parameter in fused(network).parameters() if parameter.requires_grad)
        return Score(count, "parameters", {})
