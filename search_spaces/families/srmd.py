"""SRMD: super-resolution that takes the blur and the noise of its image as inputs (Zhang et al., arXiv 1712.06116)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.choices import Choice, Choices, Values, read_choices
from search_spaces.layers.chain import chain
from search_spaces.layers.conditioning import Level, kernel_basis, level_of, planes
from search_spaces.published import Claim, Published
from search_spaces.space import SearchSpace, register

KERNEL = 15
"""Side of a blur kernel in pixels, at the high resolution."""


@dataclass(frozen=True)
class SrmdChoices:
    """The choices of `srmd`: `components` of the blur kernel are inputs, and the noise if `noise_plane`."""

    layers: int
    width: int
    components: int
    noise_plane: bool
    activation: str


class SrmdNetwork(nn.Module):
    """[N, C, H, W] → [N, C, scale·H, scale·W], for a blurred, then bicubically down-sampled and noisy image.

    The blur is given as the coefficients of its kernel in a basis of Gaussian kernels, each as a constant plane.
    """

    basis: Tensor

    def __init__(self, chosen: SrmdChoices, scale: int, channels: int) -> None:
        super().__init__()
        self.noise = 0.0
        """The noise level if `forward` gets none."""
        self.scale, self.told_noise = scale, chosen.noise_plane
        basis = kernel_basis(KERNEL, chosen.components).to(torch.get_default_device(), copy=True)
        self.register_buffer("basis", basis, persistent=False)
        inputs = channels + chosen.components + self.told_noise
        self.body = chain(inputs, channels * scale**2, chosen.layers, chosen.width, chosen.activation)

    def encode(self, kernels: Tensor) -> Tensor:
        """[N, 15, 15] blur kernels with sum 1 → [N, components, 1, 1]."""
        return (kernels.flatten(1).to(self.basis) @ self.basis.T)[..., None, None]

    def forward(self, image: Tensor, code: Tensor | None = None, noise: Level | None = None) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W].

        `code` [1 or N, components, 1, 1] is the blur, as returned by `encode`; None means that the image was only
        down-sampled. `noise` is a standard deviation in the image's units.
        """
        # Without blur, the kernel is only its middle pixel.
        code = self.basis[:, KERNEL**2 // 2].view(1, -1, 1, 1) if code is None else code
        told = [image, planes(code, image)]
        if self.told_noise:
            told.append(planes(level_of(self.noise if noise is None else noise, image), image))
        return F.pixel_shuffle(self.body(torch.cat(told, dim=1)), self.scale)


def srmd(layers: int, width: int, components: int, *, noise_plane: bool) -> dict[str, Choice]:
    """Return the choices of a network of this size."""
    size: dict[str, Choice] = {"layers": layers, "width": width, "components": components}
    return {**size, "noise_plane": noise_plane, "activation": "relu"}


@register
class Srmd(SearchSpace):
    """One network for many degradations.

    The authors' checkpoints describe kernels in a basis that was drawn at random: set `network.basis` to theirs.
    """

    name: ClassVar[str] = "srmd"
    summary: ClassVar[str] = "a chain of convolutions with the blur kernel and the noise level as inputs (2017)"
    options: ClassVar[dict[str, Values]] = {
        "layers": range(3, 21),
        "width": range(16, 161, 16),
        "components": range(5, 26, 5),
        "noise_plane": (False, True),
        "activation": ("relu", "leaky", "prelu"),
    }
    smallest: ClassVar[Choices] = srmd(3, 16, 5, noise_plane=False)
    published: ClassVar = {
        "SRMD": Published(srmd(12, 128, 15, noise_plane=True), Claim("arXiv 1712.06116")),
        "SRMDNF": Published(srmd(12, 128, 15, noise_plane=False), Claim("arXiv 1712.06116", note="for clean images")),
    }
    authors_names: ClassVar = ((r"^model\.", "body."),)

    def network(self, choices: Choices, scale: int, channels: int) -> nn.Module:
        """Return the network."""
        return SrmdNetwork(read_choices(SrmdChoices, choices), scale, channels)
