"""The number of multiply-adds that a network needs for an image."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import flop_registry

from search_spaces.shapes import Shapes


def multiply_adds(network: nn.Module, image: Tensor) -> int:
    """Count the multiply-adds of convolutions and matrix products for `image`; fastest on the meta device.

    Biases, activations, additions and interpolation are free, so that counts can be compared with those of papers. So
    are modules whose class has `counts_as_free`, e.g. the fixed filter that interpolation becomes in the inference
    form. If operators do not show the work of a module, e.g. the recurrence of a selective scan, the module has a
    method `unseen_macs` that returns the multiply-adds for its inputs.
    """
    unseen: list[int] = []
    counter = _Counter()
    hooks = [
        module.register_forward_pre_hook(lambda m, inputs: unseen.append(m.unseen_macs(*inputs)))
        for module in network.modules()
        if hasattr(type(module), "unseen_macs")
    ]
    for module in network.modules():
        if getattr(type(module), "counts_as_free", False):
            hooks.append(module.register_forward_pre_hook(lambda m, inputs: counter.pause(True)))
            hooks.append(module.register_forward_hook(lambda m, inputs, output: counter.pause(False)))
    with torch.no_grad(), counter:
        network(image)
    for hook in hooks:
        hook.remove()
    return counter.flops // 2 + sum(unseen)


class _Counter(Shapes):
    """Adds up torch's own formulas. `FlopCounterMode` also tells the modules apart, which takes 50 % longer."""

    def __init__(self) -> None:
        super().__init__()
        self.flops: int = 0
        self._is_paused = False

    def pause(self, paused: bool) -> None:
        """Stop or go on counting."""
        self._is_paused = paused

    def see(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> None:
        """Count one operator."""
        formula = flop_registry.get(function._overloadpacket)
        if formula and not self._is_paused:
            self.flops += int(formula(*args, **kwargs, out_val=result))
