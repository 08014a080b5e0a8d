"""An untrained network as the zero-cost proxies see it: its inference form, with a signal through every layer."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.layers.collapsible import fused


def untrained(network: nn.Module, device: torch.device) -> nn.Module:
    """Return a copy of `network` on `device`, in evaluation mode; the network itself is left as it is.

    Blocks that train with branches are fused, so that a layer counts once however many branches it trains with.
    Weights that start at zero, as the ends of residual branches and of networks beside an image skip do here, are drawn
    from N(0, 1 / fan-in): behind a zero no product of weights and no gradient would tell of any other layer. Of n such
    weights each is divided by √n, as GPT-2 divides those of its n residual layers, so that n branches in a row add up
    to what one would. The draws are the same for each network of the same shape.
    """
    copied = fused(copy.deepcopy(network).cpu()).eval()
    zeros = [
        (module, parameter)
        for module in copied.modules()
        for parameter in module.parameters(recurse=False)
        if parameter.ndim > 1 and not parameter.any()
    ]
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for module, weight in zeros:
            nn.init.normal_(weight, std=(_fan_in(module, weight) * len(zeros)) ** -0.5, generator=generator)
    return copied.to(device)


def weights(network: nn.Module) -> list[nn.Parameter]:
    """Return what is multiplied with features: all trainable parameters but biases, slopes and gains of channels."""
    return [parameter for parameter in network.parameters() if parameter.ndim > 1 and parameter.requires_grad]


def gradients(network: nn.Module, lr: Tensor, hr: Tensor) -> list[Tensor]:
    """Return the gradient of the mean absolute error for each of the network's `weights`.

    `lr` is [N, C, p, p], `hr` [N, C, s·p, s·p], both in 0..1. Trainings here minimise this loss, too.
    """
    loss = F.l1_loss(network(lr), hr)
    found: Sequence[Tensor] = torch.autograd.grad(loss, weights(network), materialize_grads=True)
    return list(found)


def _fan_in(module: nn.Module, weight: Tensor) -> float:
    """Return how many products are added up in one value of the layer's output."""
    if isinstance(module, nn.ConvTranspose2d):  # one in stride² taps of the kernel meets a pixel
        return weight[:, 0].numel() / module.groups / (module.stride[0] * module.stride[1])
    return weight[0].numel()
