"""Features multiplied by features: the gates of SPANV2 and of gated feed-forwards."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.layers.conv import conv


class FeatureGate(nn.Module):
    """(x + f(x)) · gate(f(x)): the block of SPANV2 (NTIRE 2026, efficient super-resolution).

    f is `convs` convolutions with ReLU between them, each made by `make_conv(inputs, outputs)`. The gate is a 1x1
    convolution without a sigmoid. It starts as 1 and the last convolution of f at 0: the block starts as the identity.
    """

    def __init__(self, width: int, convs: int = 3, make_conv: Callable[[int, int], nn.Conv2d] = conv) -> None:
        super().__init__()
        self.convs = nn.ModuleList(make_conv(width, width) for _ in range(convs))
        self.gate = conv(width, width, 1)

    def start_open(self) -> None:
        """Set the gate to 1 everywhere."""
        nn.init.zeros_(self.gate.weight)
        assert self.gate.bias is not None
        nn.init.ones_(self.gate.bias)

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        answer = self.convs[0](features)
        for layer in self.convs[1:]:
            answer = layer(F.relu(answer))
        return (features + answer) * self.gate(answer)


class GatedDepthwise(nn.Module):
    """1x1 to two halves of `inner` features, a depthwise convolution, one half multiplied by the other, 1x1 back.

    `activation` acts on one half. So do the feed-forwards of NAFNet (arXiv 2204.04676), without an activation.
    """

    def __init__(self, width: int, inner: int, kernel: int, activation: nn.Module) -> None:
        super().__init__()
        self.widen = conv(width, 2 * inner, 1)
        self.depthwise = conv(2 * inner, 2 * inner, kernel, groups=2 * inner)
        self.activation = activation
        self.narrow = conv(inner, width, 1)

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        value, gate = torch.chunk(self.depthwise(self.widen(features)), 2, dim=1)
        return self.narrow(value * self.activation(gate))
