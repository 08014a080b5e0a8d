"""FALSR: seven cells with free connections between them (Chu et al., arXiv 1901.07261).

The network: a 3x3 head to 32 channels (node 0), seven cells (nodes 1..7), a 3x3 fuse of the concatenated sources plus
node 0, depth-to-space, and a 3x3 convolution at the high resolution. Cells and genotypes are as decoded from the
authors' published graphs. The papers define scale 2 only; at 3 and 4 one more 3x3 convolution widens the 32 fused
channels to the 8·scale² that depth-to-space needs.
"""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from search_spaces.choices import Choice, Choices, Values
from search_spaces.layers.cell import Cell, CellChoices, cell_options, cell_parts
from search_spaces.layers.conv import bias_of, conv
from search_spaces.part import Part
from search_spaces.published import ARTICLE, Claim, Counting, Published, TrainedLuma
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register

CELLS = 7
FUSE = CELLS + 1
WIDTH = 32
"""Channels of the head and of the fuse."""
HR_WIDTH = 8
"""Channels at the high resolution."""

EDGES = tuple((source, target) for target in range(2, FUSE + 1) for source in range(target - 1))
"""The 28 free connections. The chain (target - 1 → target) always exists."""

Sources = tuple[tuple[int, ...], ...]
"""For each of the nodes 1..8, the nodes whose outputs are concatenated as its input."""


class DepthToSpace(nn.PixelShuffle):
    """The pixel shuffle in TensorFlow's order, which the authors' weights need: one sub-pixel after the other."""

    def forward(self, features: Tensor) -> Tensor:
        """[N, C·scale², H, W] → [N, C, scale·H, scale·W]."""
        n, channels, height, width = features.shape
        pixels = self.upscale_factor**2
        by_pixel = features.view(n, pixels, channels // pixels, height, width)
        return super().forward(by_pixel.transpose(1, 2).reshape(n, channels, height, width))


class CellNetwork(nn.Module):
    """The networks of FALSR and MoreMNAS: head, cells connected by concatenation, fuse, upsampling, output."""

    def __init__(self, cells: list[CellChoices], sources: Sources, scale: int, channels: int) -> None:
        super().__init__()
        inputs = _inputs(cells, sources)
        self.sources = sources
        self.head = nn.Sequential(conv(channels, WIDTH, 3), nn.ReLU())
        self.cells = nn.ModuleList(Cell(n, cell) for n, cell in zip(inputs, cells, strict=False))
        self.merge = nn.Sequential(conv(inputs[-1], WIDTH, 3), nn.ReLU())
        self.upsample = _upsampler(scale)
        self.last = conv(HR_WIDTH, channels, 3)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                _initialise(module)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        nodes = [self.head(image)]
        for layer, sources in zip([*self.cells, self.merge], self.sources, strict=True):
            inputs = [nodes[source] for source in sources]
            nodes.append(layer(torch.cat(inputs, dim=1) if len(inputs) > 1 else inputs[0]))
        return self.last(self.upsample(nodes[-1] + nodes[0]))


def _inputs(cells: list[CellChoices], sources: Sources) -> list[int]:
    """Return the number of channels that reach each of the nodes 1..8."""
    widths = [WIDTH, *(cell.width for cell in cells)]
    reaching = []
    for nodes in sources:
        reaching.append(sum(widths[node] for node in nodes))
    return reaching


def _upsampler(scale: int) -> nn.Sequential:
    expand = [] if scale == 2 else [conv(WIDTH, HR_WIDTH * scale**2, 3)]
    return nn.Sequential(*expand, DepthToSpace(scale))


def _tail(scale: int, channels: int) -> nn.Sequential:
    return nn.Sequential(_upsampler(scale), conv(HR_WIDTH, channels, 3))


def _initialise(module: nn.Conv2d) -> None:
    """Keep the signal's variance in deep chains. The papers' deviation of 0.02 lets it die in brief training."""
    nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    nn.init.zeros_(bias_of(module))


def chain_sources() -> Sources:
    """Return the sources of a plain chain without extra connections."""
    return tuple((target - 1,) for target in range(1, FUSE + 1))


def point(cells: str, sources: str = "") -> dict[str, Choice]:
    """Return the choices of a decoded genotype.

    `cells` holds one cell per line in the short form of `CellChoices.parse`; `sources` lists each node's sources, e.g.
    `0 | 0 1 | 2 | …` (empty: a plain chain, and no `edge.` choices).
    """
    choices: dict[str, Choice] = {"image_skip": False}
    for i, line in enumerate(cells.strip().splitlines(), start=1):
        choices |= CellChoices.parse(line).to_choices(i)
    if sources:
        given = [tuple(map(int, nodes.split())) for nodes in sources.split("|")]
        choices |= {f"edge.{s}-{t}": s in given[t - 1] for s, t in EDGES}
    return choices


def _cells(choices: Choices) -> list[CellChoices]:
    return [CellChoices.read(choices, i) for i in range(1, CELLS + 1)]


class CellSpace(SkippedSpace):
    """The common part of FALSR and MoreMNAS: the cells and the image skip."""

    luma: ClassVar[TrainedLuma] = TrainedLuma("full", "Y of YPbPr in the authors' graphs and scripts")
    own_options: ClassVar[dict[str, Values]] = {
        name: values for cell in range(1, CELLS + 1) for name, values in cell_options(cell).items()
    }

    def canonical(self, choices: Choices) -> Choices:
        """Switch off the skip of cells with one repeat: a skip spans the repeats after the first, here none."""
        inert = {f"cell{i}.skip": False for i in range(1, CELLS + 1) if choices[f"cell{i}.repeats_log2"] == 0}
        return {**choices, **inert}

    def count(self) -> int:
        """Count 160 of the 192 choices of a cell as distinct, since a skip without effect makes no other cell."""
        whole = math.prod(len(values) for values in self.options.values())
        return int(whole * 160**CELLS // 192**CELLS)

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution; see `CellNetwork`."""
        network = CellNetwork(_cells(choices), self.sources(choices), scale, channels)
        return network, network.last

    def parts(self, choices: Choices, scale: int, channels: int) -> list[Part]:
        """Return parts whose costs add up to the cost of the network."""
        cells = _cells(choices)
        *inputs, merged = _inputs(cells, self.sources(choices))
        parts = [Part(conv, (channels, WIDTH), channels), Part(conv, (merged, WIDTH), merged)]
        for reaching, cell in zip(inputs, cells, strict=True):
            parts += cell_parts(reaching, cell)
        return [*parts, Part(_tail, (scale, channels), WIDTH)]

    def sources(self, choices: Choices) -> Sources:
        """Return each node's sources in ascending order; the last one is the previous node."""
        return chain_sources()


@register
class Falsr(CellSpace):
    """192⁷ cells and 2²⁸ connections: about 2.6e24 networks of 5.7K to 4.4M parameters at scale 2."""

    name: ClassVar[str] = "falsr"
    summary: ClassVar[str] = "seven cells of four operations with free connections between them (2019)"
    own_options: ClassVar[dict[str, Values]] = {
        **CellSpace.own_options,
        **{f"edge.{s}-{t}": (False, True) for s, t in EDGES},
    }

    def sources(self, choices: Choices) -> Sources:
        """Return each node's sources in ascending order; the last one is the previous node."""
        sources = []
        for target in range(1, FUSE + 1):
            free = [source for source in range(target - 1) if choices[f"edge.{source}-{target}"]]
            sources.append((*free, target - 1))
        return tuple(sources)

    smallest: ClassVar[Choices] = point("group4 f16 k1 b1\n" * CELLS, "0|1|2|3|4|5|6|7")

    published: ClassVar = {
        "FALSR-A": Published(
            point(
                """conv f64 k3 b4 skip
                conv f48 k1 b1 skip
                conv f64 k3 b4 skip
                conv f64 k3 b4 skip
                conv f64 k3 b4 skip
                conv f64 k1 b4
                conv f64 k3 b4 skip""",
                "0 | 1 | 2 | 2 3 | 0 2 4 | 5 | 0 2 5 6 | 0 1 2 3 4 5 6 7",
            ),
            Claim("arXiv 1901.07261, table 1", 1_021_000, 234_700_000_000, 37.82),
        ),
        "FALSR-B": Published(
            point(
                """invert f16 k3 b1 skip
                invert f48 k1 b2 skip
                conv f16 k1 b2 skip
                invert f32 k3 b4
                conv f64 k3 b2
                group4 f16 k3 b4
                conv f16 k3 b1 skip""",
                "0 | 0 1 | 0 1 2 | 3 | 2 3 4 | 2 4 5 | 0 1 2 6 | 1 4 6 7",
            ),
            Claim("arXiv 1901.07261, table 1", 326_000, 74_700_000_000, 37.61),
            Claim(ARTICLE, 326_000, 74_700_000_000),
        ),
        "FALSR-C": Published(
            point(
                """group2 f32 k1 b1
                conv f64 k1 b4
                invert f48 k3 b4
                group2 f32 k1 b1
                group4 f32 k1 b1 skip
                conv f48 k1 b4
                conv f16 k3 b1 skip""",
                "0 | 0 1 | 2 | 1 3 | 0 4 | 0 5 | 1 6 | 0 2 6 7",
            ),
            Claim(
                "arXiv 1901.07261, table 1",
                408_000,
                93_700_000_000,
                37.66,
                note="omits the edge 2→8 that the released network has",
                params_counted=Counting(replaced={"edge.2-8": False}),
                macs_counted=Counting(replaced={"edge.2-8": False}),
            ),
        ),
    }
