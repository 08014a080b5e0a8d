"""SRCNN: three convolutions on the enlarged image (Dong et al., arXiv 1501.00092)."""

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from search_spaces.choices import Choice, Choices, Values, read_choices
from search_spaces.layers.activation import activation
from search_spaces.layers.conv import conv
from search_spaces.layers.enlarged import Enlarged
from search_spaces.layers.initialisation import keep_variance
from search_spaces.published import ARTICLE, Claim, Counting, Published, Rule
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register


@dataclass(frozen=True)
class SrcnnChoices:
    """The choices of `srcnn`: the widths between the three convolutions, and their kernels."""

    image_skip: bool
    width: int
    squeezed: int
    first_kernel: int
    middle_kernel: int
    last_kernel: int
    activation: str


def point(first: int, middle: int, last: int) -> dict[str, Choice]:
    """Return the choices of the authors' network with these kernels."""
    kernels: dict[str, Choice] = {"first_kernel": first, "middle_kernel": middle, "last_kernel": last}
    return {"image_skip": False, "width": 64, "squeezed": 32, **kernels, "activation": "relu"}


@register
class Srcnn(SkippedSpace):
    """Extracts patches, maps them, reconstructs: the first convolutional super-resolution network, without a skip."""

    name: ClassVar[str] = "srcnn"
    summary: ClassVar[str] = "three convolutions on the bicubically enlarged image (2014)"
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(16, 129, 16),
        "squeezed": range(8, 65, 8),
        "first_kernel": range(5, 14, 2),
        "middle_kernel": range(1, 8, 2),
        "last_kernel": range(3, 8, 2),
        "activation": ("relu", "prelu"),
    }
    smallest: ClassVar[Choices] = {**point(5, 1, 3), "width": 16, "squeezed": 8}
    published: ClassVar = {
        "SRCNN": Published(
            point(9, 5, 5),
            Claim("arXiv 1501.00092; table of CARN (arXiv 1803.08664)", 57_000, 52_700_000_000, 36.66),
            Claim(ARTICLE, 57_000, 52_700_000_000, note="its second figure, 18.7G, is at 640x512, not enlarged"),
        ),
        "SRCNN-9-1-5": Published(
            point(9, 1, 5),
            Claim("Dong et al., ECCV 2014", 8_032, None, 36.34, params_counted=Counting(rules=(Rule.NO_BIASES,))),
        ),
    }
    # Names of PyTorch ports; the authors released MATLAB code.
    authors_names: ClassVar = ((r"^conv1\.", "body.0."), (r"^conv2\.", "body.2."), (r"^conv3\.", "body.4."))

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its third convolution."""
        chosen = read_choices(SrcnnChoices, choices)
        body = nn.Sequential(
            conv(channels, chosen.width, chosen.first_kernel),
            activation(chosen.activation, chosen.width),
            conv(chosen.width, chosen.squeezed, chosen.middle_kernel),
            activation(chosen.activation, chosen.squeezed),
        )
        keep_variance(body)
        body.append(conv(chosen.squeezed, channels, chosen.last_kernel))
        return Enlarged(body, scale, within_skip=chosen.image_skip, skip=False), body[-1]
