"""Separable convolutions: one half over channels (1x1), one over space (depthwise); and the ordinary convolution."""

from typing import Protocol

from torch import Tensor, nn

from search_spaces.layers.conv import conv

AUTHORS_NAMES = ((r"\.pw\.", ".pointwise."), (r"\.dw\.", ".depthwise."))
"""The names of the halves in BSRN and its successors; see `SearchSpace.authors_names`."""


class MakesConv(Protocol):
    """A class or function that makes a convolution, for blocks that leave the kind of their convolutions open."""

    def __call__(
        self, inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1, padding: int | None = None
    ) -> nn.Module:
        """Return [N, inputs, H, W] → [N, outputs, H', W']; a padding of None keeps height and width at stride 1."""


def ordinary_conv(
    inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1, padding: int | None = None
) -> nn.Conv2d:
    """Return an ordinary convolution."""
    return nn.Conv2d(inputs, outputs, kernel, stride, _padding(kernel, padding))


class BlueprintConv(nn.Module):
    """A 1x1 convolution, then a depthwise one (BSConv-U, arXiv 2003.13549)."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        *,
        stride: int = 1,
        padding: int | None = None,
        pointwise_bias: bool = False,
        reflect: bool = False,
    ) -> None:
        """With `reflect`, the depthwise half pads by reflection instead of zeros; the image needs 2 pixels a side."""
        super().__init__()
        self.pointwise = conv(inputs, outputs, 1, bias=pointwise_bias)
        self.depthwise = nn.Conv2d(
            outputs,
            outputs,
            kernel,
            stride,
            _padding(kernel, padding),
            groups=outputs,
            padding_mode="reflect" if reflect else "zeros",
        )

    def forward(self, features: Tensor) -> Tensor:
        """[N, inputs, H, W] → [N, outputs, H', W']."""
        return self.depthwise(self.pointwise(features))


class SeparableConv(nn.Module):
    """A depthwise convolution, then a 1x1 one, both with bias."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1, padding: int | None = None
    ) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, kernel, stride, _padding(kernel, padding), groups=inputs)
        self.pointwise = conv(inputs, outputs, 1)

    def forward(self, features: Tensor) -> Tensor:
        """[N, inputs, H, W] → [N, outputs, H', W']."""
        return self.pointwise(self.depthwise(features))


def _padding(kernel: int, given: int | None) -> int:
    return kernel // 2 if given is None else given
