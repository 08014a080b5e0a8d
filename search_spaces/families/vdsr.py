"""VDSR: a chain of twenty convolutions on the enlarged image (Kim et al., arXiv 1511.04587)."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from search_spaces.choices import Choices, Values, read_choices
from search_spaces.layers.activation import activation
from search_spaces.layers.conv import conv
from search_spaces.layers.enlarged import Enlarged
from search_spaces.layers.initialisation import keep_variance
from search_spaces.published import Claim, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register


@dataclass(frozen=True)
class VdsrChoices:
    """The choices of `vdsr`."""

    image_skip: bool
    depth: int
    width: int
    kernel: int
    activation: str


class Chain(nn.Module):
    """`depth` convolutions without bias and an activation after each but the last."""

    def __init__(self, chosen: VdsrChoices, channels: int) -> None:
        super().__init__()
        width, kernel = chosen.width, chosen.kernel
        layers = []
        for inputs in [channels, *[width] * (chosen.depth - 2)]:
            layer = conv(inputs, width, kernel, bias=False)
            layers.append(nn.Sequential(layer, activation(chosen.activation, width)))
        self.layers = nn.Sequential(*layers)
        keep_variance(self.layers)
        self.last = conv(width, channels, kernel, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] → the same shape."""
        return self.last(self.layers(image))


@register
class Vdsr(SkippedSpace):
    """The chain learns the residual of the enlarged image: the global skip that nearly every later network has."""

    name: ClassVar[str] = "vdsr"
    summary: ClassVar[str] = "a deep chain of convolutions on the bicubically enlarged image (2016)"
    own_options: ClassVar[dict[str, Values]] = {
        "depth": range(3, 31),
        "width": range(8, 129, 8),
        "kernel": range(3, 6, 2),
        "activation": ("relu", "prelu"),
    }
    smallest: ClassVar[Choices] = {"image_skip": False, "depth": 3, "width": 8, "kernel": 3, "activation": "relu"}
    published: ClassVar = {
        "VDSR": Published(
            {"image_skip": False, "depth": 20, "width": 64, "kernel": 3, "activation": "relu"},
            Claim("arXiv 1511.04587; table of CARN (arXiv 1803.08664)", 665_000, 612_600_000_000, 37.53),
        ),
    }
    # Names of twtygqyy/pytorch-vdsr, which reaches the paper's PSNR; the authors released MATLAB code.
    authors_names: ClassVar = (
        *((rf"^residual_layer\.{i}\.conv\.", f"body.layers.{i + 1}.0.") for i in range(28)),
        (r"^input\.", "body.layers.0.0."),
        (r"^output\.", "body.last."),
    )

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution."""
        chosen = read_choices(VdsrChoices, choices)
        chain = Chain(chosen, channels)
        return Enlarged(chain, scale, within_skip=chosen.image_skip, skip=not chosen.image_skip), chain.last
