"""How many multiply-adds a network makes of an image."""

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


def multiply_adds(network: nn.Module, image: Tensor) -> int:
    """Count the multiply-adds of convolutions and matrix products for `image`, best of all on the meta device.

    Biases, activations, additions and interpolation are free. What no operator shows, e.g. the recurrence of a
    selective scan, a module says by a method `unseen_macs` of its inputs.
    """
    unseen: list[int] = []
    hooks = [
        module.register_forward_pre_hook(lambda m, inputs: unseen.append(m.unseen_macs(*inputs)))
        for module in network.modules()
        if hasattr(type(module), "unseen_macs")
    ]
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        network(image)
    for hook in hooks:
        hook.remove()
    return counter.get_total_flops() // 2 + sum(unseen)
