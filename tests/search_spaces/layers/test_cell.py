from itertools import product

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.layers.cell import Bottleneck, Cell, CellChoices

ALL = [
    CellChoices(op, f, k, b, skip)
    for op, f, k, b, skip in product(
        ("conv", "group2", "group4", "invert"), (16, 32, 48, 64), (1, 3), (1, 2, 4), (False, True)
    )
]


def small(**replaced: object) -> CellChoices:
    values = {"operation": "conv", "width": 16, "kernel": 3, "repeats": 2, "skip": True} | replaced
    return CellChoices(**values)


def reference(cell: CellChoices, weights: list[Tensor], x: Tensor) -> Tensor:
    """The decoded graphs, written down with the weights in the order of the layers."""
    left = iter(weights)

    def conv(features: Tensor, groups: int = 1) -> Tensor:
        weight, bias = next(left), next(left)
        return F.conv2d(features, weight, bias, padding=weight.shape[-1] // 2, groups=groups)

    if cell.operation == "invert":
        first = out = conv(x)
        for _ in range(cell.repeats):
            wide = F.relu(conv(out))
            wide = F.relu(conv(wide, groups=2 * cell.width))
            out = out + conv(wide)
    else:
        groups = {"conv": 1, "group2": 2, "group4": 4}[cell.operation]
        first = out = F.relu(conv(x, groups))
        for _ in range(cell.repeats - 1):
            out = F.relu(conv(out, groups))
    assert next(left, None) is None
    return first + out if cell.skip and cell.repeats > 1 else out


@pytest.mark.parametrize("operation", ["conv", "group2", "group4", "invert"])
def test_every_cell_computes_what_the_decoded_graphs_do(operation: str) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    x = torch.randn(1, 48, 5, 7)
    for choices in (cell for cell in ALL if cell.operation == operation):
        cell = Cell(48, choices)
        with torch.no_grad():
            assert torch.allclose(cell(x), reference(choices, list(cell.parameters()), x), rtol=1e-4, atol=1e-5)


def test_there_are_192_cells_and_the_short_form_reads_back() -> None:
    assert len(set(ALL)) == 192
    for cell in ALL:
        text = f"{cell.operation} f{cell.width} k{cell.kernel} b{cell.repeats}" + " skip" * cell.skip
        assert CellChoices.parse(text) == cell
        assert CellChoices.read(cell.to_choices(3), 3) == cell


@pytest.mark.parametrize("operation", ["conv", "invert"])
def test_the_skip_starts_after_the_first_layer_not_at_the_cells_input(operation: str) -> None:
    cell = Cell(16, small(operation=operation))
    for parameter in cell.rest.parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(1, 16, 4, 4)
    first = cell.first(x)
    rest = first if operation == "invert" else 0  # the bottleneck passes its input on by its own skip
    assert torch.equal(cell(x), first + rest)
    assert not torch.equal(cell(x), x + rest)


@pytest.mark.parametrize("operation", ["conv", "group4", "invert"])
def test_the_skip_of_a_single_repeat_has_no_effect(operation: str) -> None:
    x = torch.randn(1, 16, 4, 4)
    cells = [Cell(16, small(operation=operation, repeats=1, skip=skip)) for skip in (False, True)]
    cells[1].load_state_dict(cells[0].state_dict())
    assert torch.equal(cells[0](x), cells[1](x))


def test_the_bottleneck_adds_its_input_also_without_the_cells_skip() -> None:
    block = Bottleneck(16, 1)
    for parameter in block.parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(1, 16, 4, 4)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize("kernel", [1, 3])
def test_the_kernel_sets_expansion_and_projection_but_depthwise_is_always_3x3(kernel: int) -> None:
    cell = Cell(48, small(operation="invert", kernel=kernel, repeats=1))
    shapes = [tuple(p.shape) for p in cell.parameters() if p.dim() > 1]
    assert shapes == [(16, 48, 1, 1), (32, 16, kernel, kernel), (32, 1, 3, 3), (16, 32, kernel, kernel)]


def test_the_entry_of_the_bottleneck_is_there_even_where_the_widths_match() -> None:
    assert Cell(16, small(operation="invert")).first.weight.shape == (16, 16, 1, 1)


def test_repeats_do_not_share_weights() -> None:
    cell = Cell(16, small(repeats=4))
    assert len({p.data_ptr() for p in cell.parameters() if p.dim() > 1}) == 4
