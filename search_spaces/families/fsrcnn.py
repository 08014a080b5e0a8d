"""FSRCNN: an hourglass at the low resolution and a large transposed convolution (Dong et al., arXiv 1608.00367)."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from search_spaces.choices import Choice, Choices, Values, read_choices
from search_spaces.layers.activation import activation
from search_spaces.layers.conv import conv
from search_spaces.layers.initialisation import keep_variance
from search_spaces.published import ARTICLE, Claim, Counting, Published, Rule
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register


@dataclass(frozen=True)
class FsrcnnChoices:
    """The choices of `fsrcnn`."""

    image_skip: bool
    width: int
    squeezed: int
    depth: int
    first_kernel: int
    last_kernel: int
    activation: str


class FsrcnnNetwork(nn.Module):
    """Extracts, shrinks by 1x1, maps by 3x3, expands by 1x1, and writes the image by a transposed convolution."""

    def __init__(self, chosen: FsrcnnChoices, scale: int, channels: int) -> None:
        super().__init__()
        width, squeezed, last = chosen.width, chosen.squeezed, chosen.last_kernel

        def layer(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
            return [conv(inputs, outputs, kernel), activation(chosen.activation, outputs)]

        self.head = nn.Sequential(*layer(channels, width, chosen.first_kernel))
        body = layer(width, squeezed, 1)
        for _ in range(chosen.depth):
            body += layer(squeezed, squeezed, 3)
        self.body = nn.Sequential(*body, *layer(squeezed, width, 1))
        keep_variance(self.head)
        keep_variance(self.body)
        # The kernel is centred on the input pixel's first output pixel; the output padding fills up to the full size.
        self.last = nn.ConvTranspose2d(width, channels, last, scale, last // 2, scale - 1)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        return self.last(self.body(self.head(image)))


WEIGHTS = Counting(rules=(Rule.NO_BIASES, Rule.NO_SLOPES))


def point(width: int, squeezed: int, depth: int) -> dict[str, Choice]:
    """Return the choices of the authors' network FSRCNN(d, s, m)."""
    hourglass: dict[str, Choice] = {"width": width, "squeezed": squeezed, "depth": depth}
    return {"image_skip": False, **hourglass, "first_kernel": 5, "last_kernel": 9, "activation": "prelu"}


@register
class Fsrcnn(SkippedSpace):
    """FSRCNN(d, s, m): `width`, `squeezed` and `depth`. The authors' networks have no skip."""

    name: ClassVar[str] = "fsrcnn"
    summary: ClassVar[str] = "an hourglass at the low resolution and a transposed convolution (2016)"
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(8, 97, 8),
        "squeezed": range(4, 33),
        "depth": range(1, 9),
        "first_kernel": range(3, 8, 2),
        # At least 5: at scale 4 a smaller kernel would leave pixels without an input.
        "last_kernel": range(5, 12, 2),
        "activation": ("relu", "prelu"),
    }
    smallest: ClassVar[Choices] = {**point(8, 4, 1), "first_kernel": 3, "last_kernel": 5, "activation": "relu"}
    published: ClassVar = {
        "FSRCNN": Published(
            point(56, 12, 4),
            Claim(
                "arXiv 1608.00367; table of CARN (arXiv 1803.08664)",
                12_464,
                6_000_000_000,
                37.00,
                params_counted=WEIGHTS,
                macs_counted=Counting(rules=(Rule.TRANSPOSED_AT_OUTPUT,)),
            ),
            Claim(
                ARTICLE,
                12_000,
                6_000_000_000,
                note="its second figure, 4.08G, is ours at LR 640x512",
                params_counted=Counting(rules=WEIGHTS.rules, rounded_to=1000),
                macs_counted=Counting(rules=(Rule.TRANSPOSED_AT_OUTPUT,)),
            ),
        ),
        "FSRCNN-s": Published(point(32, 5, 1), Claim("arXiv 1608.00367", 3_937, params_counted=WEIGHTS)),
    }
    # Names of PyTorch ports; the authors released MATLAB code.
    authors_names: ClassVar = ((r"^first_part\.", "head."), (r"^mid_part\.", "body."), (r"^last_part\.", "last."))

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its transposed convolution."""
        network = FsrcnnNetwork(read_choices(FsrcnnChoices, choices), scale, channels)
        return network, network.last
