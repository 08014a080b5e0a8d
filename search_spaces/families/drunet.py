"""DRUNet: a residual U-Net that denoises at any noise level, the prior of DPIR (Zhang et al., arXiv 2008.13751)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from search_spaces.choices import Choice, Choices, Values, read_choices
from search_spaces.layers.conditioning import Level, level_of, planes
from search_spaces.layers.unet import AUTHORS_NAMES, ResidualUNet
from search_spaces.published import Claim, Published, TrainedLuma
from search_spaces.space import SearchSpace, register


@dataclass(frozen=True)
class DruNetChoices:
    """The choices of `drunet`."""

    width: int
    levels: int
    blocks: int


class DruNetNetwork(nn.Module):
    """[N, C, H, W] → the same shape: the image without its noise."""

    def __init__(self, chosen: DruNetChoices, channels: int) -> None:
        super().__init__()
        self.noise = 15 / 255
        """The noise level if `forward` gets none; set it to the camera's."""
        self.unet = ResidualUNet(channels + 1, channels, chosen.width, chosen.levels, chosen.blocks)

    def forward(self, image: Tensor, noise: Level | None = None) -> Tensor:
        """[N, C, H, W] in 0..1 → the same shape; `noise` is the standard deviation in the same units."""
        level = planes(level_of(self.noise if noise is None else noise, image), image)
        return self.unet(torch.cat((image, level), dim=1))


def drunet(width: int, levels: int, blocks: int) -> dict[str, Choice]:
    """Return the choices of a network of this size."""
    return {"width": width, "levels": levels, "blocks": blocks}


@register
class DruNet(SearchSpace):
    """One denoiser for all noise levels, also for plug-and-play restoration: DPIR runs it 24 times per image."""

    name: ClassVar[str] = "drunet"
    summary: ClassVar[str] = "denoiser: a residual U-Net without biases, with the noise level as input (2020)"
    scales: ClassVar[tuple[int, ...]] = (1,)
    options: ClassVar[dict[str, Values]] = {"width": range(8, 97, 8), "levels": range(2, 5), "blocks": range(1, 7)}
    smallest: ClassVar[Choices] = drunet(8, 2, 1)
    luma: ClassVar[TrainedLuma] = TrainedLuma("full", "gray images, in the authors' repository KAIR")
    published: ClassVar = {
        "DRUNet": Published(drunet(64, 4, 4), Claim("arXiv 2008.13751", scale=1), scale=1),
    }
    authors_names: ClassVar = ((r"^m_", "unet.m_"), *AUTHORS_NAMES)

    def network(self, choices: Choices, scale: int, channels: int) -> nn.Module:
        """Return the network."""
        return DruNetNetwork(read_choices(DruNetChoices, choices), channels)
