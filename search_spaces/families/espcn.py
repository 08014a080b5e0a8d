"""ESPCN: everything at the low resolution, then the first pixel shuffle (Shi et al., arXiv 1609.05158)."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from search_spaces.choices import Choices, Values, read_choices
from search_spaces.layers.activation import activation
from search_spaces.layers.conv import conv
from search_spaces.layers.initialisation import keep_variance
from search_spaces.layers.upsample import PixelShuffleDirect
from search_spaces.published import ARTICLE, ARTICLE_LR, Claim, Counting, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register


@dataclass(frozen=True)
class EspcnChoices:
    """The choices of `espcn`: a convolution of `width` channels, then `depth` convolutions of `squeezed` channels."""

    image_skip: bool
    width: int
    squeezed: int
    depth: int
    first_kernel: int
    activation: str


class EspcnNetwork(nn.Module):
    """A wide convolution, `depth` narrower ones, an activation after each, and the sub-pixel convolution."""

    def __init__(self, chosen: EspcnChoices, scale: int, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [conv(channels, chosen.width, chosen.first_kernel)]
        layers.append(_activation(chosen.activation, chosen.width))
        inputs = chosen.width
        for _ in range(chosen.depth):
            layers += [conv(inputs, chosen.squeezed), _activation(chosen.activation, chosen.squeezed)]
            inputs = chosen.squeezed
        self.body = nn.Sequential(*layers)
        keep_variance(self.body)
        self.tail = PixelShuffleDirect(chosen.squeezed, channels, scale)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        return self.tail(self.body(image))


def _activation(name: str, width: int) -> nn.Module:
    return nn.Tanh() if name == "tanh" else activation(name, width)


@register
class Espcn(SkippedSpace):
    """The authors' network has a tanh after each convolution but the last, and no skip."""

    name: ClassVar[str] = "espcn"
    summary: ClassVar[str] = "a few convolutions at the low resolution and a pixel shuffle (2016)"
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(8, 129, 8),
        "squeezed": range(8, 65, 8),
        "depth": range(1, 9),
        "first_kernel": range(3, 8, 2),
        "activation": ("tanh", "relu", "prelu"),
    }
    smallest: ClassVar[Choices] = {
        "image_skip": False,
        "width": 8,
        "squeezed": 8,
        "depth": 1,
        "first_kernel": 3,
        "activation": "relu",
    }
    published: ClassVar = {
        "ESPCN": Published(
            {
                "image_skip": False,
                "width": 64,
                "squeezed": 32,
                "depth": 1,
                "first_kernel": 5,
                "activation": "tanh",
            },
            Claim("arXiv 1609.05158, table 1", psnr=32.55, scale=3, note="trained on 91 images"),
            Claim(
                ARTICLE,
                20_000,
                6_940_000_000,
                lr=ARTICLE_LR,
                params_counted=Counting(rounded_to=10_000),
            ),
        ),
    }
    # Names of PyTorch ports; the authors released no code.
    authors_names: ClassVar = ((r"^first_part\.", "body."), (r"^last_part\.", "tail."))

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its sub-pixel convolution."""
        network = EspcnNetwork(read_choices(EspcnChoices, choices), scale, channels)
        return network, network.tail.last
