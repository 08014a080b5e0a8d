"""Inherits the weights of a trained parent in `hybrid`: a child starts as its parent's function, where it can."""

import torch
from torch import nn

from inheritance_kit.overlay import inherit_module, overlay, start_as_identity
from search_spaces import Architecture, Choices
from search_spaces.families.hybrid import ActiveCell, HybridNetwork, Plan, plan
from search_spaces.families.hybrid_seeds import CELLS, IDENTITY
from search_spaces.layers.block_choices import CHAINED
from search_spaces.layers.conv import bias_of
from search_spaces.layers.edge_conv import unit_weight

ROWS = frozenset({"chain", "span", "gate"})
"""Blocks whose `expansion` is the number of convolutions in a row, of which the last starts at zero."""

WHOLE = frozenset({"group", "safm", "window"})
"""Blocks whose groups, levels or heads are other channels if the width differs: inherited whole or not at all."""


@torch.no_grad()
def inherit(child: nn.Module, architecture: Architecture, parent: nn.Module, of: Architecture) -> None:
    """Copy the weights of `parent`, a network `of` another architecture, into the new network `child`, in place.

    Cells are matched by their number in the choices, so a removed cell doesn't shift the others. What has no
    counterpart keeps its initialisation; a new chained convolution copies its input. Head and tail are inherited at
    equal resolution, the tail also only from the same upsampler.
    """
    young, old = _body_of(child), _body_of(parent)
    mine, theirs = plan(architecture.choices), plan(of.choices)
    if mine.unshuffle == theirs.unshuffle:
        inherit_module(young.head, old.head)
        if mine.upsampler == theirs.upsampler:
            inherit_module(young.tail, old.tail)
    numbers, places = _numbers(architecture.choices), {number: i for i, number in enumerate(_numbers(of.choices))}
    for i, number in enumerate(numbers):
        place = places.get(number)
        earlier = None if place is None else theirs.cells[place]
        _inherit_cell(young.cells[i], mine.cells[i], None if place is None else old.cells[place], earlier)
    if isinstance(young.merge, nn.Conv2d):
        _inherit_merge(young.merge, old.merge, _fused(mine, numbers), _fused(theirs, _numbers(of.choices)))


def _body_of(network: nn.Module) -> HybridNetwork:
    return next(module for module in network.modules() if isinstance(module, HybridNetwork))


def _numbers(choices: Choices) -> list[int]:
    """Return the numbers of the active cells in the choices."""
    return [i for i in range(1, CELLS + 1) if choices[f"cell{i}.block"] != IDENTITY]


def _fused(settled: Plan, numbers: list[int]) -> list[int]:
    return [number for number, cell in zip(numbers, settled.cells, strict=True) if cell.fused]


def _inherit_cell(young: nn.Module, cell: ActiveCell, old: nn.Module | None, earlier: ActiveCell | None) -> None:
    """Inherit the repeats of a cell from the first. A cell of another block has no counterpart."""
    before: list[nn.Module] = []
    if old is not None and earlier is not None and _is_alike(cell, earlier):
        before = list(old.children())
    for i, block in enumerate(young.children()):
        if i < len(before):
            inherit_module(block, before[i])
            if cell.name in ROWS:
                _inherit_row(_row(block), _row(before[i]))
        elif cell.name in CHAINED:
            start_as_identity(next(block.children()))


def _is_alike(cell: ActiveCell, earlier: ActiveCell) -> bool:
    if cell.name in WHOLE:
        return cell.block == earlier.block
    return cell.name == earlier.name or {cell.name, earlier.name} <= CHAINED


def _row(block: nn.Module) -> list[nn.Module]:
    """Return the convolutions of a block of `ROWS` that follow each other."""
    return [layer for name, layer in block.named_modules() if isinstance(layer, nn.Conv2d) and name != "gate"]


def _inherit_row(row: list[nn.Module], earlier: list[nn.Module]) -> None:
    """Correct a row of more or fewer convolutions: the last stays the last, and new ones copy their input."""
    if len(row) != len(earlier):
        for layer in row[len(earlier) - 1 : -1]:
            start_as_identity(layer)
        inherit_module(row[-1], earlier[-1])


def _inherit_merge(young: nn.Conv2d, old: nn.Module, fused: list[int], earlier: list[int]) -> None:
    """Inherit the 1x1 that fuses cells, for each cell its part. Newly fused cells start unread.

    Without a fusion in the parent, the last cell is passed on.
    """
    parts = young.weight.chunk(len(fused), dim=1)
    if not isinstance(old, nn.Conv2d):
        nn.init.zeros_(young.weight)
        parts[-1].copy_(unit_weight(parts[-1]))
        return
    theirs = dict(zip(earlier, old.weight.chunk(len(earlier), dim=1), strict=True))
    unread = torch.zeros_like(theirs[earlier[0]])
    for number, part in zip(fused, parts, strict=True):
        overlay(part, theirs.get(number, unread))
    overlay(bias_of(young), bias_of(old))
