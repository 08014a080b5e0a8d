"""The flagship space: a body of cells, each of which picks its block from the blocks of all known light networks.

Head (a convolution of the image, as it is or sharpened, after a pixel-unshuffle if the body works at half the
resolution), up to six cells, a fusion of their outputs, an upsampler. All features have one width, so every cell can
follow any cell and every edge is a sum.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.choices import Choice, Choices, Values, read_choices
from search_spaces.families.hybrid_seeds import CELLS, FAMILIES, IDENTITY, INERT, SEEDS, WIDTHS, point
from search_spaces.layers.activation import ACTIVATIONS, activation
from search_spaces.layers.block_choices import CHAINED, FIXED_EXPANSION, OWN_ACTIVATION, BlockChoices
from search_spaces.layers.blocks import BLOCKS, block, build_block
from search_spaces.layers.conv import UnshuffledConv, conv
from search_spaces.layers.image_skip import CorrectedNetwork, ImageSkip, LinearCorrection
from search_spaces.layers.initialisation import keep_variance
from search_spaces.layers.interpolation import Interpolation
from search_spaces.layers.sharpening import Sharpening
from search_spaces.layers.sides import has_multiples
from search_spaces.layers.upsample import UPSAMPLERS, Upsampler
from search_spaces.part import Part
from search_spaces.published import Published
from search_spaces.space import SearchSpace, SeedFamily, register


@dataclass(frozen=True)
class HybridChoices:
    """The choices of the whole network."""

    width: int
    activation: str
    resolution: str
    fusion: str
    body_skip: bool
    upsampler: str
    input: str


@dataclass(frozen=True)
class HybridCellChoices:
    """The choices of a cell."""

    block: str
    repeats: int
    kernel: int
    expansion: int
    reach: int
    fused: bool


@dataclass(frozen=True)
class ActiveCell:
    """A cell of the network: its block, its number of repeats, and its connections.

    The input is the output of the previous node, plus the output of the node `reach` places before it unless `reach` is
    0. `fused` keeps the output for the fusion.
    """

    block: BlockChoices
    name: str
    repeats: int
    reach: int
    fused: bool


@dataclass(frozen=True)
class Plan:
    """The choices in the form from which the network is made: only active cells, choices without effect settled."""

    sharpens: bool
    width: int
    activation: str
    unshuffle: int
    cells: tuple[ActiveCell, ...]
    fuses: bool
    body_skip: bool
    upsampler: str


def plan(choices: Choices) -> Plan:
    """Read the flat choices."""
    whole = read_choices(HybridChoices, choices)
    every = [read_choices(HybridCellChoices, choices, f"cell{i}.") for i in range(1, CELLS + 1)]
    chosen = [cell for cell in every if cell.block != IDENTITY]
    fusion = whole.fusion if chosen else "none"
    cells = []
    for node, cell in enumerate(chosen, start=1):
        expansion = 1 if cell.block in FIXED_EXPANSION else cell.expansion
        block = BlockChoices(cell.block, whole.width, cell.kernel, expansion, whole.activation)
        reach = cell.reach if cell.reach < node else 0
        # The last cell is always fused: cells after the last fused cell would have no effect.
        fused = fusion == "concat" or (fusion == "selected" and (cell.fused or node == len(chosen)))
        cells.append(ActiveCell(block, cell.block, cell.repeats, reach, fused))
    return Plan(
        sharpens=whole.input == "sharpened",
        width=whole.width,
        activation=whole.activation,
        unshuffle=2 if whole.resolution == "half" else 1,
        cells=tuple(cells),
        fuses=fusion != "none",
        body_skip=whole.body_skip and bool(cells),
        upsampler=whole.upsampler,
    )


class HybridNetwork(nn.Module):
    """Head, cells, fusion, upsampler: [N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""

    def __init__(self, plan: Plan, scale: int, channels: int) -> None:
        super().__init__()
        self.scale, self.unshuffle = scale, plan.unshuffle
        self.reach = [cell.reach for cell in plan.cells]
        self.fused = [cell.fused for cell in plan.cells]
        self.body_skip = plan.body_skip
        self.input = Sharpening() if plan.sharpens else nn.Identity()
        # Before a residual block the head stays linear, as in EDSR; before a plain convolution it is a layer like it.
        chained = not plan.cells or plan.cells[0].name in CHAINED
        half = plan.unshuffle > 1
        head = UnshuffledConv(channels, plan.width, plan.unshuffle) if half else conv(channels, plan.width)
        self.head = nn.Sequential(head, activation(plan.activation, plan.width)) if chained else nn.Sequential(head)
        self.cells = nn.ModuleList()
        for cell in plan.cells:
            repeats = [build_block(cell.block, place) for place in range(cell.repeats)]
            self.cells.append(nn.Sequential(*repeats))
        self.merge = conv(plan.width * sum(self.fused), plan.width, 1) if plan.fuses else nn.Identity()
        self.tail = Upsampler(plan.upsampler, plan.width, channels, scale * plan.unshuffle, plan.activation)
        for end in (self.head, self.merge, self.tail):
            keep_variance(end)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] → [N, C, scale·H, scale·W]."""
        height, width = image.shape[-2:]
        is_whole = self.unshuffle == 1 or has_multiples(image, self.unshuffle)
        image = self.input(image)
        if not is_whole:
            missing = (0, -width % self.unshuffle, 0, -height % self.unshuffle)
            image = F.pad(image, missing, mode="replicate")
        nodes = [self.head(image)]
        for cell, reach in zip(self.cells, self.reach, strict=True):
            nodes.append(cell(nodes[-1] + nodes[-1 - reach] if reach else nodes[-1]))
        features = self._merged(nodes)
        output = self.tail(features + nodes[0] if self.body_skip else features)
        return output if is_whole else output[..., : self.scale * height, : self.scale * width]

    def _merged(self, nodes: Sequence[Tensor]) -> Tensor:
        kept = [node for node, fused in zip(nodes[1:], self.fused, strict=True) if fused]
        return self.merge(torch.cat(kept, dim=1)) if kept else nodes[-1]


def _cell_options(cell: int) -> dict[str, Values]:
    return {
        f"cell{cell}.block": (*BLOCKS, IDENTITY),
        f"cell{cell}.repeats": range(1, 5),
        f"cell{cell}.kernel": range(3, 8, 2),
        f"cell{cell}.expansion": range(1, 4),
        f"cell{cell}.reach": range(3),
        f"cell{cell}.fused": (False, True),
    }


@register
class Hybrid(SearchSpace):
    """Six cells of 19 blocks, 8 to 64 channels, half or full resolution: 400 to several million parameters."""

    name: ClassVar[str] = "hybrid"
    summary: ClassVar[str] = "six cells, each one of 19 blocks of the known light networks, freely connected"
    options: ClassVar[dict[str, Values]] = {
        "width": WIDTHS,
        "activation": ACTIVATIONS,
        "resolution": ("full", "half"),
        "fusion": ("none", "concat", "selected"),
        "body_skip": (False, True),
        "upsampler": UPSAMPLERS,
        "image_skip": ("none", "nearest", "bicubic", "learned"),
        "input": ("plain", "sharpened"),
        **{name: values for i in range(1, CELLS + 1) for name, values in _cell_options(i).items()},
    }
    pinned: ClassVar[Choices] = {"image_skip": "bicubic"}
    later: ClassVar[Choices] = {"input": "plain"}
    smallest: ClassVar[Choices] = point("", width=8, resolution="half", image_skip="none")
    published: ClassVar[dict[str, Published]] = SEEDS
    seed_families: ClassVar[Mapping[str, SeedFamily]] = FAMILIES

    def network(self, choices: Choices, scale: int, channels: int) -> nn.Module:
        """Return the network, wrapped in an `ImageSkip` if the choices ask for it."""
        network = HybridNetwork(plan(choices), scale, channels)
        if choices["image_skip"] == "none":
            return network
        if choices["image_skip"] == "learned":
            return ImageSkip(CorrectedNetwork(network, channels, scale), network.tail.last, channels, scale)
        return ImageSkip(network, network.tail.last, channels, scale, str(choices["image_skip"]))

    def canonical(self, choices: Choices) -> Choices:
        """Move identity cells to the end, and settle choices without effect; see `plan`."""
        settled = plan(choices)
        canonical = dict(choices)
        kept = [cell.fused for cell in settled.cells]
        canonical["fusion"] = "none" if not any(kept) else "concat" if all(kept) else "selected"
        canonical["body_skip"] = settled.body_skip
        if settled.cells and all(c.name in OWN_ACTIVATION for c in settled.cells) and settled.upsampler != "nearest":
            canonical["activation"] = ACTIVATIONS[0]
        for i in range(1, CELLS + 1):
            active = settled.cells[i - 1] if i <= len(settled.cells) else None
            canonical |= {f"cell{i}.{key}": value for key, value in (_flat(active) if active else INERT).items()}
        return canonical

    def count(self) -> int:
        """Count the bodies for each number of active cells: their blocks, reaches (limited by their place), fusions."""
        every = 1 + _bodies(BLOCKS)
        indifferent = (len(ACTIVATIONS) - 1) * (len(UPSAMPLERS) - 1) * _bodies(OWN_ACTIVATION)
        return len(self.options["width"]) * 2 * 2 * 4 * (len(ACTIVATIONS) * len(UPSAMPLERS) * every - indifferent)

    def parts(self, choices: Choices, scale: int, channels: int) -> list[Part]:
        """Return parts whose costs add up to the cost of the network."""
        settled = plan(choices)
        width, unshuffle, act = settled.width, settled.unshuffle, settled.activation
        inputs, chained = channels * unshuffle**2, not settled.cells or settled.cells[0].name in CHAINED
        head = inputs, width, act if chained else "none"
        parts = [Part(Sharpening, (), channels)] if settled.sharpens else []
        parts += [Part(_head, (inputs, width, _counted(act) if chained else "none"), inputs, unshuffle, timed_as=head)]
        for cell in settled.cells:
            parts.append(Part(block, cell.block.cost_key, width, unshuffle, cell.repeats, cell.block.time_key))
        fused = sum(cell.fused for cell in settled.cells)
        if fused:
            parts.append(Part(conv, (fused * width, width, 1), fused * width, unshuffle))
        tail = settled.upsampler, width, channels, scale * unshuffle
        act = act if settled.upsampler == "nearest" else "relu"  # other upsamplers have none
        parts.append(Part(Upsampler, (*tail, _counted(act)), width, unshuffle, timed_as=(*tail, act)))
        if choices["image_skip"] == "learned":
            parts.append(Part(LinearCorrection, (channels, scale), channels))
        if choices["image_skip"] != "none":
            mode = "bicubic" if choices["image_skip"] == "learned" else choices["image_skip"]
            parts.append(Part(Interpolation, (scale, mode), channels))
        return parts


def _bodies(blocks: Collection[str]) -> int:
    """Return the number of bodies of 1 to `CELLS` active cells made of `blocks`, with and without the body skip."""
    cells = sum(4 * 3 * (1 if name in FIXED_EXPANSION else 3) for name in blocks)
    total, chains = 0, 1
    for count in range(1, CELLS + 1):
        chains *= cells * min(3, count)
        total += chains * (1 + 2 ** (count - 1)) * 2
    return total


def _counted(act: str) -> str:
    """Return an activation that has the same number of parameters."""
    return act if act == "prelu" else "relu"


def _head(inputs: int, width: int, act: str) -> nn.Module:
    return conv(inputs, width) if act == "none" else nn.Sequential(conv(inputs, width), activation(act, width))


def _flat(cell: ActiveCell) -> dict[str, Choice]:
    return {
        "block": cell.name,
        "repeats": cell.repeats,
        "kernel": cell.block.kernel,
        "expansion": cell.block.expansion,
        "reach": cell.reach,
        "fused": cell.fused,
    }
