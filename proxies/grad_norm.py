"""The norm of the gradient of an untrained network."""

from typing import ClassVar

from torch import nn

from proxies.proxy import Score, Task, register
from proxies.untrained import gradients, untrained

PATCHES = 16


@register
class GradNorm:
    """Scores by the sum of the norms of the gradients of all weights for a batch (Abdelfattah et al. 2101.08134)."""

    name: ClassVar[str] = "grad_norm"
    trains: ClassVar[bool] = False

    def score(self, network: nn.Module, task: Task) -> Score:
        """Return Σ ‖∂L/∂θ‖ over the weights of all layers. L is the mean absolute error of `PATCHES` patches."""
        lr, hr = task.batch(PATCHES)
        found = gradients(untrained(network, lr.device), lr, hr)
        # The squared gradients of a deep network exceed the range of float32.
        return Score(sum(float(gradient.double().norm()) for gradient in found), "gradient norm", {})
