"""USRNet: an unfolded optimisation for any blur, scale and noise (Zhang et al., arXiv 2003.10428)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.choices import Choice, Choices, Values, read_choices
from search_spaces.layers.conditioning import Level, bicubic_kernel, level_of, planes
from search_spaces.layers.conv import conv
from search_spaces.layers.fourier import fit_to_data, transfer
from search_spaces.layers.unet import AUTHORS_NAMES, ResidualUNet
from search_spaces.published import Claim, Published
from search_spaces.space import SearchSpace, register

LEAST = 1e-6
"""Added to the weights and noise levels that the network computes itself."""


@dataclass(frozen=True)
class UsrNetChoices:
    """The choices of `usrnet`. `hyper_width`: width of the layers that set the strength of each iteration."""

    iterations: int
    width: int
    levels: int
    blocks: int
    hyper_width: int


class UsrNetNetwork(nn.Module):
    """[N, C, H, W] → [N, C, scale·H, scale·W], for a blurred, then down-sampled and noisy image.

    Each iteration fits the estimate to the image in closed form, then denoises the estimate; all iterations share one
    U-Net. Three layers compute the strength of both steps from the noise and the scale.
    """

    kernel: Tensor

    def __init__(self, chosen: UsrNetChoices, scale: int, channels: int) -> None:
        super().__init__()
        self.noise = 0.0
        """The noise level if `forward` gets none."""
        hyper = chosen.hyper_width
        self.scale, self.iterations = scale, chosen.iterations
        self.register_buffer("kernel", bicubic_kernel(scale)[None, None], persistent=False)
        self.prior = ResidualUNet(channels + 1, channels, chosen.width, chosen.levels, chosen.blocks)
        self.hyper = nn.Sequential(
            conv(2, hyper, 1),
            nn.ReLU(),
            conv(hyper, hyper, 1),
            nn.ReLU(),
            conv(hyper, 2 * chosen.iterations, 1),
            nn.Softplus(),
        )

    def forward(self, image: Tensor, kernel: Tensor | None = None, noise: Level | None = None) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W].

        `kernel` [1 or N, 1, K, K] with sum 1 is the blur at the high resolution, after which down-sampling kept the
        first pixel of each scale x scale block; None is the kernel that makes this bicubic down-sampling. `noise` is a
        standard deviation in the image's units.
        """
        level = level_of(self.noise if noise is None else noise, image)
        settings = self.hyper(torch.cat((level, torch.full_like(level, self.scale)), dim=1)).float() + LEAST
        weights, levels = settings.split_with_sizes([self.iterations, self.iterations], dim=1)
        height, width = (self.scale * side for side in image.shape[-2:])
        spectrum = transfer((self.kernel if kernel is None else kernel).to(image.float()), height, width)
        output = F.interpolate(image, scale_factor=float(self.scale), mode="nearest")
        for weight, told in zip(weights.unbind(1), levels.unbind(1), strict=True):
            fitted = fit_to_data(output, image, spectrum, weight[:, None], self.scale)
            output = self.prior(torch.cat((fitted, planes(told[:, None], fitted)), dim=1))
        return output


def usrnet(iterations: int, width: int, levels: int, blocks: int, hyper_width: int) -> dict[str, Choice]:
    """Return the choices of a network of this size."""
    size: dict[str, Choice] = {"iterations": iterations, "width": width, "levels": levels}
    return {**size, "blocks": blocks, "hyper_width": hyper_width}


@register
class UsrNet(SearchSpace):
    """A model-based method whose prior is learned; its images are assumed to be periodic."""

    name: ClassVar[str] = "usrnet"
    summary: ClassVar[str] = "unfolded: alternates a closed-form fit to the image and denoising by a U-Net (2020)"
    options: ClassVar[dict[str, Values]] = {
        "iterations": range(1, 13),
        "width": range(8, 97, 8),
        "levels": range(2, 5),
        "blocks": range(1, 5),
        "hyper_width": range(16, 97, 16),
    }
    smallest: ClassVar[Choices] = usrnet(1, 8, 2, 1, 16)
    published: ClassVar = {"USRNet": Published(usrnet(8, 64, 4, 2, 64), Claim("arXiv 2003.10428"))}
    authors_names: ClassVar = ((r"^h\.mlp\.", "hyper."), (r"^p\.", "prior."), *AUTHORS_NAMES)

    def network(self, choices: Choices, scale: int, channels: int) -> nn.Module:
        """Return the network."""
        return UsrNetNetwork(read_choices(UsrNetChoices, choices), scale, channels)
