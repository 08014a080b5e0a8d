from itertools import product

import pytest
import torch
from closed_form import closed_form
from torch import Tensor, nn
from torch.nn import functional as F

from nas.cost import cost
from search_spaces import SPACES, Architecture, Choice
from search_spaces.families.falsr import EDGES
from search_spaces.layers.cell import Cell, CellChoices

PARAMS = {"FALSR-A": 1_021_401, "FALSR-B": 324_745, "FALSR-C": 426_569}
MACS = {"FALSR-A": 235.00, "FALSR-B": 74.50, "FALSR-C": 97.96}
INPUTS = {
    "FALSR-A": (32, 64, 48, 112, 144, 64, 208, 464),
    "FALSR-B": (32, 48, 96, 16, 96, 144, 112, 80),
    "FALSR-C": (32, 64, 64, 80, 64, 64, 80, 160),
}
ROWS = {
    "FALSR-A": "0001011 000001 11011 0001 001 11 1",
    "FALSR-B": "1100010 100011 01110 1000 101 00 1",
    "FALSR-C": "1001101 010010 00001 0000 000 00 1",
}
"""The papers' upper triangle: bit j of row i (j = i..7) is the connection from the input side of cell i past cell j."""
SOURCES = {
    "FALSR-A": ((0,), (1,), (2,), (2, 3), (0, 2, 4), (5,), (0, 2, 5, 6), (0, 1, 2, 3, 4, 5, 6, 7)),
    "FALSR-B": ((0,), (0, 1), (0, 1, 2), (3,), (2, 3, 4), (2, 4, 5), (0, 1, 2, 6), (1, 4, 6, 7)),
    "FALSR-C": ((0,), (0, 1), (2,), (1, 3), (0, 4), (0, 5), (1, 6), (0, 2, 6, 7)),
}
published = pytest.mark.parametrize("name", PARAMS)


def point(name: str) -> Architecture:
    return Architecture.published(f"falsr/{name}")


def first_widths(network: nn.Module) -> tuple[int, ...]:
    """Input channels of the first convolution of each cell and of the fuse."""
    firsts = [next(m for m in cell.modules() if isinstance(m, nn.Conv2d)) for cell in [*network.cells, network.merge]]
    return tuple(conv.in_channels for conv in firsts)


@published
def test_parameters_are_those_of_the_decoded_graph(name: str) -> None:
    assert cost(point(name)).params == PARAMS[name]
    assert sum(p.numel() for p in point(name).build().parameters()) == PARAMS[name]


@published
def test_multiply_adds_equal_the_closed_form_to_the_last_digit(name: str) -> None:
    architecture = point(name)
    count = closed_form(architecture.choices)
    assert (cost(architecture).params, cost(architecture).macs) == (count.params, count.macs)
    assert round(count.macs / 1e9, 2) == MACS[name]


@published
def test_the_first_convolutions_read_as_many_channels_as_in_the_graph(name: str) -> None:
    assert first_widths(point(name).build()) == INPUTS[name] == closed_form(point(name).choices).inputs


@published
def test_the_connections_are_the_upper_triangular_rows(name: str) -> None:
    rows = ROWS[name].split()
    bits = {(i - 1, i + at + 1): bit == "1" for i, row in enumerate(rows, start=1) for at, bit in enumerate(row)}
    assert {(s, t): point(name).choices[f"edge.{s}-{t}"] for s, t in EDGES} == bits


@published
def test_every_node_reads_the_sources_of_the_graph(name: str) -> None:
    assert SPACES.get("falsr").sources(point(name).choices) == SOURCES[name]


@pytest.mark.parametrize(("name", "edges"), [("FALSR-A", 13), ("FALSR-B", 13), ("FALSR-C", 8)])
def test_the_papers_number_of_connections(name: str, edges: int) -> None:
    assert sum(point(name).choices[f"edge.{s}-{t}"] for s, t in EDGES) == edges


@pytest.mark.parametrize("name", ["FALSR-B", "FALSR-C"])
def test_the_network_computes_what_the_graph_does(name: str) -> None:
    """Head, concatenated sources in ascending order, fuse, add after the ReLU, depth-to-space, output."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = point(name).build()
    image = torch.rand(1, 1, 6, 5)
    weights = list(network.parameters())

    def conv(x: Tensor, at: int) -> Tensor:
        return F.conv2d(x, weights[at], weights[at + 1], padding=1)

    nodes = [F.relu(conv(image, 0))]
    for cell, sources in zip(network.cells, SOURCES[name], strict=False):
        nodes.append(cell(torch.cat([nodes[i] for i in sources], 1)))
    merged = F.relu(conv(torch.cat([nodes[i] for i in SOURCES[name][-1]], 1), -4)) + nodes[0]
    # TensorFlow's depth-to-space: channel 8·(2·i + j) + c is sub-pixel (i, j) of c.
    large = torch.empty(1, 8, 2 * merged.shape[2], 2 * merged.shape[3])
    for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
        large[:, :, i::2, j::2] = merged[:, 16 * i + 8 * j : 16 * i + 8 * j + 8]
    expected = conv(large, -2)
    assert torch.allclose(network(image), expected, rtol=1e-4, atol=1e-5)


def test_falsr_c_without_the_edge_from_2_to_the_fuse_is_the_papers_table() -> None:
    without = point("FALSR-C").replaced(**{"edge.2-8": False})
    assert cost(without).params == 408_137
    assert round(cost(without).macs / 1e9, 2) == 93.71


def test_there_are_28_free_connections() -> None:
    assert len(set(EDGES)) == 28
    assert set(EDGES) == {(s, t) for t in range(1, 9) for s in range(t - 1)}


def test_192_cells_are_160_distinct_ones() -> None:
    base = point("FALSR-A")
    cells = [
        CellChoices(op, f, k, b, skip).to_choices(4)
        for op, f, k, b, skip in product(
            ("conv", "group2", "group4", "invert"), (16, 32, 48, 64), (1, 3), (1, 2, 4), (False, True)
        )
    ]
    assert len(cells) == 192
    assert len({base.replaced(**cell).fingerprint for cell in cells}) == 160


def uniform(cell: str, *, edges: bool) -> Architecture:
    choices: dict[str, Choice] = {"image_skip": False}
    for number in range(1, 8):
        choices |= CellChoices.parse(cell).to_choices(number)
    return Architecture("falsr", 2, 1, choices | {f"edge.{s}-{t}": edges for s, t in EDGES})


def test_the_smallest_network_of_the_space() -> None:
    smallest = uniform("group4 f16 k1 b1", edges=False)
    assert smallest.choices == SPACES.get("falsr").smallest
    assert cost(smallest).params == 5_657
    assert round(cost(smallest).macs / 1e9, 2) == 1.31


def test_the_largest_network_of_the_space() -> None:
    largest = cost(uniform("invert f64 k3 b4", edges=True))
    assert largest.params == 4_409_449
    assert round(largest.macs / 1e9, 1) == 1013.8


def test_an_unskipped_cell_keeps_the_bottlenecks_own_skip() -> None:
    cell = point("FALSR-B").build().cells[3]  # invert f32 k3 b4, no skip
    assert isinstance(cell, Cell)
    for parameter in cell.rest.parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(1, 16, 4, 4)
    assert torch.equal(cell(x), cell.first(x))


@pytest.mark.parametrize("scale", [3, 4])
def test_beyond_scale_2_one_more_convolution_widens_the_features(scale: int) -> None:
    wider = Architecture.published("falsr/FALSR-B", scale).build()
    more = 9 * 32 * 8 * scale**2 + 8 * scale**2
    assert sum(p.numel() for p in wider.parameters()) == PARAMS["FALSR-B"] + more


def test_colour_only_widens_the_first_and_the_last_convolution() -> None:
    colour = Architecture.published("falsr/FALSR-B", channels=3).build()
    assert sum(p.numel() for p in colour.parameters()) == PARAMS["FALSR-B"] + 2 * 288 + 2 * 73
