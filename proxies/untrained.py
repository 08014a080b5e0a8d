"""Untrained networks for zero-cost proxies: the inference form, with a signal through every layer."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.layers.fused import fused


def untrained(network: nn.Module, device: torch.device) -> nn.Module:
    """Return a copy of `network` on `device`, in evaluation mode. The network itself is not changed.

    Blocks that train with branches are fused, so that a layer counts once for any number of branches. Weights that
    start at zero (the ends of residual branches, and of networks with an image skip) are drawn from N(0, 1 / fan-in),
    because behind a zero weight no other layer has an influence. If there are n such weights, each is divided by √n, as
    in GPT-2, so that n residual branches in a row add up to the size of a single branch. The draws are the same for all
    networks of the same shape.
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
    """Return all weights that multiply features: the trainable parameters without biases, slopes and gains."""
    return [parameter for parameter in network.parameters() if parameter.ndim > 1 and parameter.requires_grad]


def gradients(network: nn.Module, lr: Tensor, hr: Tensor) -> list[Tensor]:
    """Return the gradient of the mean absolute error for each of the network's `weights`.

    `lr` is [N, C, p, p], `hr` [N, C, s·p, s·p], both in 0..1. The default recipes minimise this loss, too.
    """
    loss = F.l1_loss(network(lr), hr)
    found: Sequence[Tensor] = torch.autograd.grad(loss, weights(network), materialize_grads=True)
    return list(found)


def _fan_in(module: nn.Module, weight: Tensor) -> float:
    """Return the number of products that are summed in a value of the layer's output."""
    if isinstance(module, nn.ConvTranspose2d):  # only one of stride² taps of the kernel meets an input pixel
        return weight[:, 0].numel() / module.groups / (module.stride[0] * module.stride[1])
    return weight[0].numel()
