"""EDSR (Lim et al., arXiv 1707.02921) and its predecessor SRResNet (Ledig et al., arXiv 1609.04802).

Both have a head, residual blocks of two convolutions, one more convolution, a skip from the head, a pixel shuffle for
each factor of the scale, and a convolution at the high resolution. SRResNet also has batch normalisation, 9x9
convolutions at its ends, and activations after its head and its shuffles; EDSR removed them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from search_spaces.choices import Choice, Choices, Values, read_choices
from search_spaces.layers.conv import conv
from search_spaces.layers.mean_shift import RANGE, MeanShift, around
from search_spaces.layers.upsample import PixelShuffleSteps
from search_spaces.part import Part
from search_spaces.published import ARTICLE, ARTICLE_LR, COLOUR, Claim, Counting, Published, Rule
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "prelu": nn.PReLU}
"""The PReLUs have one slope for all channels."""
NO_ACTIVATION = "none"


@dataclass(frozen=True)
class EdsrChoices:
    """The choices of `edsr`. The ends are the head and the tail."""

    image_skip: bool
    blocks: int
    width: int
    residual_scale: float
    activation: str
    batch_norm: bool
    activated_ends: bool
    ends_kernel: int

    @property
    def ends_activation(self) -> str:
        """The activation of head and tail."""
        return self.activation if self.activated_ends else NO_ACTIVATION


def normalised_conv(width: int, *, batch_norm: bool) -> list[nn.Module]:
    """Return a 3x3 convolution, with batch normalisation in place of its bias if `batch_norm`."""
    norm = [nn.BatchNorm2d(width)] if batch_norm else []
    return [conv(width, width, bias=not batch_norm), *norm]


class EdsrBlock(nn.Module):
    """x + residual_scale · (conv, activation, conv), optionally batch-normalised: [N, width, H, W] → the same shape."""

    def __init__(self, width: int, act: str, residual_scale: float, *, batch_norm: bool) -> None:
        super().__init__()
        first, second = (normalised_conv(width, batch_norm=batch_norm) for _ in range(2))
        self.body = nn.Sequential(*first, ACTIVATIONS[act](), *second)
        self.residual_scale = residual_scale

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        return features + self.residual_scale * self.body(features)


class EdsrNetwork(nn.Module):
    """The network of EDSR and SRResNet.

    With neither an image skip nor batch normalisation, the colour mean is subtracted and the range widened to 0..255,
    as in EDSR.
    """

    def __init__(self, chosen: EdsrChoices, scale: int, channels: int) -> None:
        super().__init__()
        width, kernel, ends = chosen.width, chosen.ends_kernel, chosen.ends_activation
        shifts = not chosen.image_skip and not chosen.batch_norm
        self.shift = MeanShift(channels, spread=RANGE) if shifts else None
        self.head = _head(channels, width, kernel, ends)
        blocks = []
        for _ in range(chosen.blocks):
            blocks.append(_block(width, chosen.activation, chosen.residual_scale, chosen.batch_norm))
        self.blocks = nn.Sequential(*blocks)
        self.merge = _merge(width, chosen.batch_norm)
        self.upsample = PixelShuffleSteps(width, scale, activation=ACTIVATIONS.get(ends))
        self.last = conv(width, channels, kernel)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        return around(self.shift, self._computed, image)

    def _computed(self, image: Tensor) -> Tensor:
        head = self.head(image)
        return self.last(self.upsample(head + self.merge(self.blocks(head))))


def _head(channels: int, width: int, kernel: int, act: str) -> nn.Sequential:
    return nn.Sequential(conv(channels, width, kernel), *([ACTIVATIONS[act]()] if act in ACTIVATIONS else []))


def _block(width: int, act: str, residual_scale: float, batch_norm: bool) -> EdsrBlock:
    return EdsrBlock(width, act, residual_scale, batch_norm=batch_norm)


def _merge(width: int, batch_norm: bool) -> nn.Sequential:
    return nn.Sequential(*normalised_conv(width, batch_norm=batch_norm))


def _tail(width: int, channels: int, scale: int, kernel: int, act: str) -> nn.Sequential:
    return nn.Sequential(
        PixelShuffleSteps(width, scale, activation=ACTIVATIONS.get(act)), conv(width, channels, kernel)
    )


def edsr(blocks: int, width: int, residual_scale: float) -> dict[str, Choice]:
    """Return the choices of the authors' EDSR of this size."""
    size: dict[str, Choice] = {"blocks": blocks, "width": width, "residual_scale": residual_scale}
    style: dict[str, Choice] = {"activation": "relu", "batch_norm": False, "activated_ends": False, "ends_kernel": 3}
    return {"image_skip": False, **size, **style}


SRRESNET: dict[str, Choice] = {
    **edsr(16, 64, 1.0),
    "activation": "prelu",
    "batch_norm": True,
    "activated_ends": True,
    "ends_kernel": 9,
}


@register
class Edsr(SkippedSpace):
    """Without batch normalisation, the colour mean is subtracted instead, as in EDSR."""

    name: ClassVar[str] = "edsr"
    summary: ClassVar[str] = "residual blocks at the low resolution and pixel shuffles: EDSR, SRResNet, SRGAN (2017)"
    # In training, batch normalisation needs more than one value per channel.
    minimum_side: ClassVar[int] = 2
    own_options: ClassVar[dict[str, Values]] = {
        "blocks": range(1, 41),
        "width": range(16, 257, 16),
        "residual_scale": (0.1, 1.0),
        "activation": ("relu", "prelu"),
        "batch_norm": (False, True),
        "activated_ends": (False, True),
        "ends_kernel": range(3, 10, 2),
    }
    smallest: ClassVar[Choices] = edsr(1, 16, 1.0)
    published: ClassVar = {
        "EDSR-baseline": Published(
            edsr(16, 64, 1.0),
            Claim("arXiv 1707.02921; table of IMDN (arXiv 1909.11856)", 1_370_000, None, 37.99),
        ),
        "EDSR": Published(edsr(32, 256, 0.1), Claim("arXiv 1707.02921", psnr=38.11)),
        "SRResNet": Published(SRRESNET, Claim("arXiv 1609.04802", psnr=32.05, scale=4, note="published for x4 only")),
        "SRGAN": Published(
            SRRESNET,
            Claim(
                "arXiv 1609.04802",
                psnr=29.40,
                scale=4,
                note="SRResNet; its recipe is adversarial, which costs PSNR; published for x4 only",
            ),
            Claim(
                ARTICLE,
                1_400_000,
                475_630_000_000,
                lr=ARTICLE_LR,
                params_counted=COLOUR,
                macs_counted=Counting(channels=3, rules=(Rule.NORMS,)),
            ),
        ),
    }
    # EDSR's own names, then those of Lornatang/SRGAN-PyTorch: the authors of SRResNet released no code.
    authors_names: ClassVar = (
        (r"^(sub|add)_mean\..*", ""),
        (r"^body\.(\d+)\.body\.", r"blocks.\1.body."),
        (r"^body\.\d+\.", "merge.0."),
        (r"^tail\.0\.", "upsample."),
        (r"^tail\.1\.", "last."),
        (r"^(conv_block1|conv1)\.", "head."),
        (r"^trunk\.(\d+)\.rcb\.", r"blocks.\1.body."),
        (r"^(conv_block2|conv2)\.", "merge."),
        (r"^upsampling\.0\.upsample_block\.", "upsample."),
        (r"^upsampling\.1\.upsample_block\.0\.", "upsample.3."),
        (r"^upsampling\.1\.upsample_block\.2\.", "upsample.5."),
        (r"^(conv_block3|conv3)\.", "last."),
    )

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution."""
        network = EdsrNetwork(read_choices(EdsrChoices, choices), scale, channels)
        return network, network.last

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part]:
        """Return head, blocks, the convolution after them and tail."""
        chosen = read_choices(EdsrChoices, choices)
        width, kernel, ends = chosen.width, chosen.ends_kernel, chosen.ends_activation
        block = (width, chosen.activation, chosen.residual_scale, chosen.batch_norm)
        return [
            Part(_head, (channels, width, kernel, ends), channels),
            Part(_block, block, width, repeats=chosen.blocks),
            Part(_merge, (width, chosen.batch_norm), width),
            Part(_tail, (width, channels, scale, kernel, ends), width),
        ]
