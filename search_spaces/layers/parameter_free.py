"""Attention without parameters of its own (SPAN, arXiv 2311.12770)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.layers.conv import conv


class ParameterFreeAttention(nn.Module):
    """(x + f(x)) · (sigmoid(f(x)) - 1/2): features pass where the convolutions f respond strongly, with either sign.

    f is `convs` convolutions with SiLU between them, each made by `make_conv(inputs, outputs)`. The map is odd about
    zero, so that a weak response means a weak output.
    """

    def __init__(self, width: int, convs: int = 3, make_conv: Callable[[int, int], nn.Module] = conv) -> None:
        super().__init__()
        self.convs = nn.ModuleList(make_conv(width, width) for _ in range(convs))

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        return self.attend(features, self.stages(features)[-1])

    def stages(self, features: Tensor) -> list[Tensor]:
        """Return the output of each convolution, before the SiLU."""
        stages = [self.convs[0](features)]
        for layer in self.convs[1:]:
            stages.append(layer(F.silu(stages[-1])))
        return stages

    @staticmethod
    def attend(features: Tensor, response: Tensor) -> Tensor:
        """Multiply (features + response) by the map of the response; all three tensors have one shape."""
        return (features + response) * (torch.sigmoid(response) - 0.5)
