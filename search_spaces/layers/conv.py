"""The convolution that nearly every block is made of."""

from torch import nn


def conv(inputs: int, outputs: int, kernel: int = 3, *, groups: int = 1, bias: bool = True) -> nn.Conv2d:
    """Return a convolution that keeps height and width."""
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=bias)
