"""Blocks that train with several branches and compute the same function as one convolution."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.layers.conv import bias_of, conv
from search_spaces.layers.precision import full_precision


class Collapsible(nn.Module, ABC):
    """A sum of linear branches that equals one convolution of `kernel` x `kernel`, zero-padded."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3) -> None:
        super().__init__()
        self.inputs, self.outputs, self.kernel = inputs, outputs, kernel

    @abstractmethod
    def merged(self) -> tuple[Tensor, Tensor]:
        """Return the weight [outputs, inputs, kernel, kernel] and the bias [outputs] of the equivalent convolution."""

    @abstractmethod
    def absorb(self, weight: Tensor, bias: Tensor) -> None:
        """Set the branches so that `merged` gives this weight and bias."""

    def output_parameters(self) -> nn.ParameterList:
        """Return parameters that, all set to zero, make the output zero and leave every branch able to learn.

        A block that writes an image starts with these at zero. It would not learn from zeros in every layer, since a
        product of zeros has no gradient.
        """
        return nn.ParameterList(self.parameters())

    def forward(self, features: Tensor) -> Tensor:
        """[N, inputs, H, W] → [N, outputs, H, W], by the merged convolution: exact at the border, and faster."""
        # In half precision, the sum would lose digits of the small branches.
        with full_precision(features.device):
            weight, bias = self.merged()
        # Contiguous like a parameter: otherwise torch picks another routine than for the fused convolution.
        return F.conv2d(features, weight.contiguous(), bias, padding=self.kernel // 2)

    @torch.no_grad()
    def start_as_merged(self, slope: float = 0.0) -> None:
        """Initialise as one convolution before a (leaky or parametric) ReLU of this slope: the signal's variance stays.

        With the usual initialisation in each branch, the variance of their sum would depend on the width.
        """
        weight, bias = (torch.zeros_like(merged) for merged in self.merged())
        self.absorb(nn.init.kaiming_normal_(weight, a=slope), bias)

    def fuse(self) -> nn.Conv2d:
        """Return the equivalent convolution."""
        fused = conv(self.inputs, self.outputs, self.kernel)
        weight, bias = self.merged()
        with torch.no_grad():
            fused.weight.copy_(weight)
            bias_of(fused).copy_(bias)
        return fused.to(weight.device)


NOISE = 0.3
"""Weight of the usual random initialisation beside the identity, for convolutions in a chain."""


@torch.no_grad()
def start_chain(layer: nn.Conv2d | Collapsible, slope: float) -> None:
    """Initialise a convolution before a ReLU of this slope in a chain: near the identity if its widths match.

    PyTorch's own initialisation lets the signal die in a chain. The signal survives with the initialisation of He et
    al. (arXiv 1502.01852), but brief trainings of 12 convolutions then lowered the loss only half as much as with this
    initialisation, with all kinds of branches.
    """
    weight = layer.merged()[0] if isinstance(layer, Collapsible) else layer.weight
    start = nn.init.kaiming_normal_(torch.zeros_like(weight), a=slope)
    if weight.shape[0] == weight.shape[1]:
        start = nn.init.dirac_(torch.zeros_like(weight)) + NOISE * start
    if isinstance(layer, Collapsible):
        layer.absorb(start, start.new_zeros(len(start)))
        return
    layer.weight.copy_(start)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
