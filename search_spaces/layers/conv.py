"""The convolution in nearly every block, one behind a pixel-unshuffle, and a depthwise one with a large kernel."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_FEW_CHANNELS = 16


def conv(inputs: int, outputs: int, kernel: int = 3, *, groups: int = 1, bias: bool = True) -> nn.Conv2d:
    """Return a convolution that keeps height and width."""
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=bias)


class UnshuffledConv(nn.Conv2d):
    """A pixel-unshuffle and a 3x3 convolution: [N, inputs, H, W] → [N, outputs, H/factor, W/factor].

    In the inference form they are one strided convolution, since compilers of camera chips refuse the unshuffle.
    """

    def __init__(self, inputs: int, outputs: int, factor: int) -> None:
        super().__init__(inputs * factor**2, outputs, 3, padding=1)
        self.factor = factor

    def forward(self, input: Tensor) -> Tensor:
        """[N, inputs, H, W] → [N, outputs, H/factor, W/factor]; the factor divides H and W."""
        return super().forward(F.pixel_unshuffle(input, self.factor))

    @torch.no_grad()
    def fuse(self) -> nn.Conv2d:
        """Return the same as one convolution, whose stride is the factor."""
        factor, (outputs, channels) = self.factor, self.weight.shape[:2]
        inputs, side = channels // factor**2, 3 * factor
        strided = nn.Conv2d(inputs, outputs, side, factor, padding=factor)
        weight = self.weight.view(outputs, inputs, factor, factor, 3, 3)
        strided.weight.copy_(weight.permute(0, 1, 4, 2, 5, 3).reshape(outputs, inputs, side, side))
        bias_of(strided).copy_(bias_of(self))
        return strided.to(self.weight)


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
