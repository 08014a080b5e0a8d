"""The convolution in nearly every block, and a depthwise convolution with a large kernel."""

import torch
from torch import Tensor, nn

_FEW_CHANNELS = 16


def conv(inputs: int, outputs: int, kernel: int = 3, *, groups: int = 1, bias: bool = True) -> nn.Conv2d:
    """Return a convolution that keeps height and width."""
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=bias)


def bias_of(layer: nn.Module) -> Tensor:
    """Return the bias of a convolution or a linear map that has one."""
    bias = layer.bias
    assert isinstance(bias, Tensor)
    return bias


class LargeDepthwise(nn.Conv2d):
    """A depthwise convolution that keeps height and width, for kernels of 15 pixels and more.

    On a CPU under autocast, up to 16 channels are convolved in float32. In bfloat16 and channels-last order, oneDNN
    3.12 (torch 2.13) never finishes generating its AVX-512 code for them.
    """

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__(width, width, kernel, padding=kernel // 2, groups=width)

    def forward(self, input: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        if input.is_cpu and self.in_channels <= _FEW_CHANNELS and torch.is_autocast_enabled("cpu"):
            with torch.autocast("cpu", enabled=False):
                return super().forward(input.float())
        return super().forward(input)
