"""FFDNet: a denoiser at half the resolution that takes the noise level as an input (Zhang et al., arXiv 1710.04026)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.choices import Choice, Choices, Values, read_choices
from search_spaces.layers.chain import chain
from search_spaces.layers.conditioning import Level, level_of, planes
from search_spaces.published import Claim, Published, TrainedLuma
from search_spaces.space import SearchSpace, register

FACTOR = 2
"""Side in pixels of the blocks of pixels that become channels."""


@dataclass(frozen=True)
class FfdNetChoices:
    """The choices of `ffdnet`."""

    layers: int
    width: int
    batch_norm: bool
    activation: str


class FfdNetNetwork(nn.Module):
    """[N, C, H, W] → the same shape: the image without its noise."""

    def __init__(self, chosen: FfdNetChoices, channels: int) -> None:
        super().__init__()
        self.noise = 15 / 255
        """The noise level if `forward` gets none; set it to the camera's."""
        folded = channels * FACTOR**2
        self.body = chain(
            folded + 1, folded, chosen.layers, chosen.width, chosen.activation, batch_norm=chosen.batch_norm
        )

    def forward(self, image: Tensor, noise: Level | None = None) -> Tensor:
        """[N, C, H, W] in 0..1 → the same shape; `noise` is the standard deviation in the same units."""
        height, width = image.shape[-2:]
        padded = F.pad(image, (0, -width % FACTOR, 0, -height % FACTOR), mode="replicate")
        folded = F.pixel_unshuffle(padded, FACTOR)
        level = planes(level_of(self.noise if noise is None else noise, image), folded)
        clean = self.body(torch.cat((folded, level), dim=1))
        return F.pixel_shuffle(clean, FACTOR)[..., :height, :width]


def ffdnet(layers: int, width: int) -> dict[str, Choice]:
    """Return the choices of an authors' network of this size, as released: its normalisation is folded away."""
    return {"layers": layers, "width": width, "batch_norm": False, "activation": "relu"}


@register
class FfdNet(SearchSpace):
    """One denoiser for all noise levels."""

    name: ClassVar[str] = "ffdnet"
    summary: ClassVar[str] = "denoiser: convolutions at half resolution, with the noise level as input (2017)"
    scales: ClassVar[tuple[int, ...]] = (1,)
    # In training, batch normalisation needs more than one value per channel, at half the resolution.
    minimum_side: ClassVar[int] = 3
    options: ClassVar[dict[str, Values]] = {
        "layers": range(3, 25),
        "width": range(8, 129, 8),
        "batch_norm": (False, True),
        "activation": ("relu", "leaky", "prelu"),
    }
    smallest: ClassVar[Choices] = ffdnet(3, 8)
    luma: ClassVar[TrainedLuma] = TrainedLuma("full", "gray images, in the authors' repository KAIR")
    published: ClassVar = {
        "FFDNet": Published(ffdnet(15, 64), Claim("arXiv 1710.04026", scale=1), scale=1),
        "FFDNet-colour": Published(ffdnet(12, 96), Claim("arXiv 1710.04026", scale=1), scale=1),
    }
    authors_names: ClassVar = ((r"^model\.", "body."),)

    def network(self, choices: Choices, scale: int, channels: int) -> nn.Module:
        """Return the network."""
        return FfdNetNetwork(read_choices(FfdNetChoices, choices), channels)
