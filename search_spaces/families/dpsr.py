"""DPSR: deblurring by splitting, with a super-resolution network as the prior (Zhang et al., arXiv 1903.12529)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.choices import Choice, Choices, Values, read_choices
from search_spaces.layers.conditioning import Level, level_of, planes
from search_spaces.layers.conv import conv
from search_spaces.layers.fourier import fit_to_data, transfer
from search_spaces.layers.upsample import PixelShuffleSteps
from search_spaces.published import Claim, Published
from search_spaces.space import SearchSpace, register

FIRST, LAST = 49 / 255, 2.55 / 255
"""The noise levels that the prior gets in the first and in the last iteration."""

LEAST_NOISE = 0.255 / 255
"""The lowest noise level that an image is assumed to have."""


@dataclass(frozen=True)
class DpsrChoices:
    """The choices of `dpsr`; without iterations the network is only its prior."""

    width: int
    blocks: int
    iterations: int


class DpsrBlock(nn.Module):
    """x + conv(ReLU(conv(x))): [N, width, H, W] → the same shape."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(width, width), nn.ReLU(), conv(width, width))

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        return features + self.body(features)


class Body(nn.Sequential):
    """Residual blocks and a convolution, with a skip over all of them: [N, width, H, W] → the same shape."""

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__(*(DpsrBlock(width) for _ in range(blocks)), conv(width, width))

    def forward(self, input: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        features = input
        for layer in self:
            features = layer(features)
        return input + features


class DpsrNetwork(nn.Module):
    """[N, C, H, W] → [N, C, scale·H, scale·W], for a bicubically down-sampled, then blurred and noisy image."""

    kernel: Tensor

    def __init__(self, chosen: DpsrChoices, scale: int, channels: int) -> None:
        super().__init__()
        self.noise = 0.0
        """The noise level if `forward` gets none."""
        width, self.iterations = chosen.width, chosen.iterations
        self.register_buffer("kernel", torch.ones(1, 1, 1, 1), persistent=False)
        upsample = PixelShuffleSteps(width, scale, activation=nn.ReLU)
        # One sequence, as in the authors' code.
        self.prior = nn.Sequential(
            conv(channels + 1, width),
            Body(width, chosen.blocks),
            *upsample,
            conv(width, width),
            nn.ReLU(),
            conv(width, channels, bias=False),
        )

    def forward(self, image: Tensor, kernel: Tensor | None = None, noise: Level | None = None) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W].

        `kernel` [1 or N, 1, K, K] is the blur at the low resolution; None means no blur. `noise` is a standard
        deviation in the image's units. Without iterations the network is only the prior, which ignores the blur.
        """
        level = level_of(self.noise if noise is None else noise, image)
        if self.iterations == 0:
            return self._super_resolved(image, level)
        spectrum = transfer((self.kernel if kernel is None else kernel).to(image.float()), *image.shape[-2:])
        estimate, output = image, image
        for i in range(self.iterations):
            told = FIRST * (LAST / FIRST) ** (i / max(1, self.iterations - 1))
            if i:
                estimate = _down(output, image)
            sharp = fit_to_data(estimate, image, spectrum, level.clamp_min(LEAST_NOISE).square() / (3 * told**2))
            output = self._super_resolved(sharp, level_of(told, image))
        return output

    def _super_resolved(self, image: Tensor, level: Tensor) -> Tensor:
        return self.prior(torch.cat((image, planes(level, image)), dim=1))


def _down(output: Tensor, image: Tensor) -> Tensor:
    """Return `output` at the size of `image`, bicubically."""
    return F.interpolate(output.float(), size=image.shape[-2:], mode="bicubic", antialias=True, align_corners=False)


def dpsr(iterations: int, width: int = 96, blocks: int = 16) -> dict[str, Choice]:
    """Return the choices of the authors' prior with this number of iterations."""
    return {"width": width, "blocks": blocks, "iterations": iterations}


@register
class Dpsr(SearchSpace):
    """Super-resolution for any blur kernel. Its authors clamp the prior's output to 0..1 between iterations."""

    name: ClassVar[str] = "dpsr"
    summary: ClassVar[str] = "SRResNet with the noise level as input, also as the prior of iterative deblurring (2019)"
    options: ClassVar[dict[str, Values]] = {
        "width": range(16, 129, 16),
        "blocks": range(1, 25),
        "iterations": range(16),
    }
    smallest: ClassVar[Choices] = dpsr(0, 16, 1)
    published: ClassVar = {
        "DPSR-prior": Published(dpsr(0), Claim("arXiv 1903.12529", note="SRResNet+, without the deblurring")),
        "DPSR": Published(dpsr(15), Claim("arXiv 1903.12529")),
    }
    authors_names: ClassVar = (
        (r"^model\.1\.sub\.(\d+)\.res\.", r"prior.1.\1.body."),
        (r"^model\.1\.sub\.", "prior.1."),
        (r"^model\.", "prior."),
    )

    def network(self, choices: Choices, scale: int, channels: int) -> nn.Module:
        """Return the network."""
        return DpsrNetwork(read_choices(DpsrChoices, choices), scale, channels)
