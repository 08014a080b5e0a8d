"""Blocks that train with several branches and compute the same as one convolution."""

import copy
from abc import ABC, abstractmethod
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.layers.conv import conv


class Collapsible(nn.Module, ABC):
    """A sum of linear branches that equals one convolution of `kernel` x `kernel`, zero-padded."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3) -> None:
        super().__init__()
        self.inputs, self.outputs, self.kernel = inputs, outputs, kernel

    @abstractmethod
    def merged(self) -> tuple[Tensor, Tensor]:
        """Return the weight [outputs, inputs, kernel, kernel] and the bias [outputs] of the one convolution."""

    @abstractmethod
    def absorb(self, weight: Tensor, bias: Tensor) -> None:
        """Set the branches so that `merged` gives this weight and bias."""

    def forward(self, features: Tensor) -> Tensor:
        """[N, inputs, H, W] → [N, outputs, H, W], by the merged convolution: exact at the border, and faster."""
        weight, bias = self.merged()
        return F.conv2d(features, weight, bias, padding=self.kernel // 2)

    def fuse(self) -> nn.Conv2d:
        """Return the one convolution."""
        fused = conv(self.inputs, self.outputs, self.kernel)
        weight, bias = self.merged()
        with torch.no_grad():
            fused.weight.copy_(weight)
            cast(nn.Parameter, fused.bias).copy_(bias)
        return fused.to(weight.device)


def fused(network: nn.Module) -> nn.Module:
    """Return the inference form of a network: each module that has a `fuse()` replaced by what that returns.

    The network itself is left as it was, and returned where there is nothing to replace.
    """
    if _fusible(network):
        return cast(nn.Module, network.fuse())  # type: ignore[operator]
    if not any(_fusible(module) for module in network.modules()):
        return network
    network = copy.deepcopy(network)
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if _fusible(child):
                setattr(parent, name, child.fuse())  # type: ignore[operator]
    return network


def _fusible(module: nn.Module) -> bool:
    return callable(getattr(type(module), "fuse", None))
