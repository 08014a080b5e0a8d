"""TPSR: ten small operations on three paths, found by search (Lee et al., arXiv 2007.04356).

The network: a 3x3 head; nodes 0, 1, 2 in a row; on their output the rows 4, 5, 6 and 3, 7, 8; on the head's output node
9; the three results are added. Each factor of the scale is one convolution and a pixel shuffle to an image, so every
step after the first works on an image. Activations are PReLUs with one slope each. Images are in 0..255 minus a colour
mean. TPSR is TPSR-NoGAN after further training against a discriminator.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from search_spaces.choices import Choice, Choices, Values, read_choices
from search_spaces.layers.collapsible import start_chain
from search_spaces.layers.conv import conv
from search_spaces.layers.mean_shift import RANGE, MeanShift, around
from search_spaces.layers.upsample import factors
from search_spaces.part import Part
from search_spaces.published import ARTICLE, ARTICLE_LR, COLOUR, Claim, Counting, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register

PRELU_SLOPE = 0.25
"""The initial slope of a PReLU in PyTorch."""
NODES = 10
EARLY, MAIN, SIDE, BYPASS = (0, 1, 2), (4, 5, 6), (3, 7, 8), (9,)
"""The nodes of each path, numbered as the authors do."""
OPERATIONS = ("conv3", "conv5", "conv7", "sep3", "sep5", "sep7")
"""Convolutions and depthwise-separable ones, with their kernel."""


@dataclass(frozen=True)
class TpsrChoices:
    """The choices of `tpsr`: the width, and the operation of each node, numbered as the authors do."""

    image_skip: bool
    width: int
    node0: str
    node1: str
    node2: str
    node3: str
    node4: str
    node5: str
    node6: str
    node7: str
    node8: str
    node9: str

    @property
    def operations(self) -> list[str]:
        """The operations in the order of the nodes."""
        early = [self.node0, self.node1, self.node2, self.node3, self.node4]
        return [*early, self.node5, self.node6, self.node7, self.node8, self.node9]


def operation(kind: str, width: int) -> nn.Sequential:
    """Return one of `OPERATIONS`: [N, width, H, W] → the same shape, activated."""
    kernel = int(kind[-1])
    if kind.startswith("conv"):
        return nn.Sequential(conv(width, width, kernel), nn.PReLU())
    depthwise = conv(width, width, kernel, groups=width, bias=False)
    return nn.Sequential(depthwise, nn.PReLU(), conv(width, width, 1), nn.PReLU())


class ImageSteps(nn.Sequential):
    """A convolution to images and a shuffle for each factor of the scale: features → image, `scale` times larger."""

    def __init__(self, width: int, channels: int, scale: int) -> None:
        layers: list[nn.Module] = []
        inputs = width
        for factor in factors(scale):
            layers += [conv(inputs, channels * factor**2), nn.PixelShuffle(factor)]
            inputs = channels
        super().__init__(*layers)


class TpsrNetwork(nn.Module):
    """Head, nodes, tail; colour mean and range around them unless `image_skip` is on."""

    def __init__(self, chosen: TpsrChoices, scale: int, channels: int) -> None:
        super().__init__()
        width = chosen.width
        self.shift = None if chosen.image_skip else MeanShift(channels, spread=RANGE)
        self.head = conv(channels, width)
        self.nodes = nn.ModuleList(operation(kind, width) for kind in chosen.operations)
        self.merge = nn.PReLU()
        self.tail = ImageSteps(width, channels, scale)
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and module.bias is not None:
                # Without skips, PyTorch's initialisation lets the signal die.
                start_chain(module, PRELU_SLOPE)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        return around(self.shift, self._computed, image)

    def _computed(self, image: Tensor) -> Tensor:
        head = self.head(image)
        early = self._row(EARLY, head)
        merged = self._row(BYPASS, head) + self._row(SIDE, early) + self._row(MAIN, early)
        return self.tail(self.merge(merged))

    def _row(self, nodes: tuple[int, ...], features: Tensor) -> Tensor:
        for node in nodes:
            features = self.nodes[node](features)
        return features


def point(width: int, *operations: str) -> dict[str, Choice]:
    """Return the choices of a network, its operations in the order of the nodes."""
    nodes = {f"node{node}": operation for node, operation in enumerate(operations)}
    return {"image_skip": False, "width": width, **nodes}


FOUND = point(16, "sep5", "conv7", "conv7", "conv3", "conv3", "conv5", "sep3", "conv5", "conv3", "conv7")
ROUNDED = Counting(channels=3, rounded_to=10_000)
PAPER = Claim("arXiv 2007.04356", 60_000, 14_000_000_000, params_counted=ROUNDED, macs_counted=COLOUR)
ROW = Claim(ARTICLE, 60_000, 19_860_000_000, lr=ARTICLE_LR, params_counted=ROUNDED, macs_counted=COLOUR)


@register
class Tpsr(SkippedSpace):
    """The width and the operation of each node."""

    name: ClassVar[str] = "tpsr"
    summary: ClassVar[str] = "ten operations on three paths, found by search for small perceptual networks (2020)"
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(8, 49, 4),
        **{f"node{node}": OPERATIONS for node in range(NODES)},
    }
    smallest: ClassVar[Choices] = point(8, *["sep3"] * NODES)
    published: ClassVar = {
        "TPSR-NoGAN": Published(FOUND, PAPER, ROW),
        "TPSR": Published(FOUND, PAPER, ROW),
    }
    authors_names: ClassVar = (
        (r"^(sub|add)_mean\..*", ""),
        (r"^first_layer\.", "head."),
        (r"^[a-z_]+_layers?\.Node_(\d+)_\w+\.model\.", r"nodes.\1."),
        (r"^merge_op_act\.", "merge."),
        (r"^up_mod\.0\.extend\.", "tail.0."),
        (r"^up_mod\.1\.extend\.", "tail.2."),
    )

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution; see `TpsrNetwork`."""
        network = TpsrNetwork(read_choices(TpsrChoices, choices), scale, channels)
        return network, network.tail[-2]

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part]:
        """Return head, nodes, the activation of their sum and tail."""
        chosen = read_choices(TpsrChoices, choices)
        width = chosen.width
        return [
            Part(conv, (channels, width), channels),
            *(Part(operation, (kind, width), width) for kind in chosen.operations),
            Part(nn.PReLU, (), width),
            Part(ImageSteps, (width, channels, scale), width),
        ]
