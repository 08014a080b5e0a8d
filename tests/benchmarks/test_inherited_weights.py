"""A child of `hybrid` computes what its trained parent computes, where the change of the choices allows it."""

import pytest
import torch
from inheritance_kit.overlay import overlay
from inheritance_kit.weights import inherit
from torch import nn

from search_spaces import Architecture, Choice
from search_spaces.families.hybrid_seeds import point

IMAGE = torch.rand(1, 1, 16, 20, generator=torch.Generator().manual_seed(0))


def network(cells: str, others: dict[str, Choice]) -> Architecture:
    return Architecture("hybrid", 2, 1, point(cells, **{"width": 8, **others}))


def built(architecture: Architecture, seed: int, *, trained: bool) -> nn.Module:
    torch.manual_seed(seed)
    built = architecture.build()
    with torch.no_grad():
        for parameter in built.parameters() if trained else ():
            parameter += 0.05 * torch.randn_like(parameter)
    return built


def difference(parent: Architecture, child: Architecture) -> float:
    """Return how far the child is from its parent, in deviations of the parent from bicubic interpolation."""
    old, young = built(parent, 0, trained=True), built(child, 1, trained=False)
    with torch.no_grad():
        expected, bicubic = old(IMAGE), young(IMAGE)  # the last layer of a new network is zero
        inherit(young, child, old, parent)
        return float((young(IMAGE) - expected).std() / (expected - bicubic).std())


@pytest.mark.parametrize(
    ("before", "after", "others"),
    [
        ("residual x2", "residual x2", {}),
        ("residual x2", "residual x3 | gate e2", {}),
        ("conv x2", "conv x3", {}),
        ("ecb x2", "ecb x2 k5", {"activation": "prelu"}),
        ("ecb x2", "ecb x3 k5", {}),
        ("ecb e1", "ecb e3", {}),
        ("conv", "ecb", {}),
        ("ecb k5", "conv k7", {}),
        ("chain e1", "chain e3", {}),
        ("gate e2 | span e2", "gate e3 k5 | span e2", {}),
        ("esa e1", "esa e2", {}),
        ("pixel e2", "pixel e3", {}),
        ("gated e1", "gated e3", {}),
        ("distill e1", "distill e2", {"activation": "leaky"}),
        ("distill_bs e1 | residual e2", "distill_bs e2 | residual e2 | safm", {"fusion": "concat"}),
        ("window", "window | lowrank", {}),
    ],
)
def test_a_deeper_or_wider_block_or_a_larger_kernel_changes_nothing(
    before: str, after: str, others: dict[str, Choice]
) -> None:
    assert difference(network(before, others), network(after, others)) < 1e-3


@pytest.mark.parametrize("fusion", ["concat", "selected"])
def test_a_new_fusion_passes_the_last_cell_on(fusion: str) -> None:
    cells = "residual e2 | gate e2"
    assert difference(network(cells, {}), network(cells, {"fusion": fusion})) < 1e-3


@pytest.mark.parametrize("cells", ["residual e2 x2", "conv x3", "ecb x2", "gated e1", "gate e2 | pixel e2"])
def test_a_wider_network_computes_the_same(cells: str) -> None:
    others: dict[str, Choice] = {"fusion": "concat", "body_skip": True}
    assert difference(network(cells, others), network(cells, {**others, "width": 16})) < 1e-3


def test_a_removed_cell_does_not_shift_the_others() -> None:
    parent = network("residual e2 | gate e2 | esa e2", {})
    removed = parent.replaced(**{"cell2.block": "identity"})
    old, young = built(parent, 0, trained=True), built(removed, 1, trained=False)
    inherit(young, removed, old, parent)
    mine, theirs = young.state_dict(), old.state_dict()
    third = [name for name in mine if name.startswith("network.cells.1.")]
    assert third
    assert all(torch.equal(mine[name], theirs[name.replace("cells.1.", "cells.2.")]) for name in third)


def test_new_channels_keep_their_weights_and_inherited_ones_read_nothing_new() -> None:
    young, old = torch.ones(4, 4, 5, 5), torch.full((2, 2, 3, 3), 7.0)
    overlay(young, old, inputs=2)
    assert torch.equal(young[2:], torch.ones(2, 4, 5, 5))
    assert torch.equal(young[:2, [0, 2], 1:4, 1:4], torch.full((2, 2, 3, 3), 7.0))
    assert young[:2].sum() == 7 * 2 * 2 * 9
