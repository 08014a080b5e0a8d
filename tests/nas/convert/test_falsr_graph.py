"""Graphs that the tests write themselves, against an evaluation in numpy."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from nas.convert.falsr_graph import graph_state, in_our_order
from nas.convert.importing import import_checkpoint
from nas.convert.tensorflow_graph import read_graph
from nas.errors import InputError
from search_spaces import SPACES, Architecture
from search_spaces.falsr import CELLS, CellNetwork, CellSpace
from search_spaces.layers.cell import CellChoices

from .graphs import OUTPUT, SCOPE, Graph, cell_graph, run

POINTS = ["falsr/FALSR-B", "moremnas/MoreMNAS-C", "moremnas/MoreMNAS-D"]


def graph_of(point: str) -> Graph:
    choices = Architecture.published(point).choices
    space = SPACES.get(point.partition("/")[0])
    assert isinstance(space, CellSpace)
    return cell_graph([CellChoices.read(choices, i) for i in range(1, CELLS + 1)], space.sources(choices))


@pytest.mark.parametrize("point", POINTS)
def test_an_imported_graph_computes_what_the_graph_does(point: str, tmp_path: Path) -> None:
    graph = graph_of(point)
    model = import_checkpoint(point, graph.file(tmp_path / "graph.pb"), tmp_path / "model")
    image = np.random.default_rng(1).random((9, 14))
    expected = run(graph, image)
    with torch.no_grad():
        result = model.network(torch.tensor(image, dtype=torch.float32)[None, None])[0, 0].numpy()
    assert expected.shape == (18, 28) and expected.std() > 0.01
    assert np.abs(result - expected).max() < 1e-5 * np.abs(expected).max()


def test_channels_that_change_places_change_nothing_else(tmp_path: Path) -> None:
    graph = read_graph(graph_of("falsr/FALSR-B").file(tmp_path / "graph.pb"))
    network = Architecture.published("falsr/FALSR-B").build()
    assert isinstance(network, CellNetwork)
    before = graph_state(graph)
    after = in_our_order(before, network)
    # Sub-pixel 1 of channel 0 comes ninth in the graph and second here.
    assert torch.equal(after["merge.0.weight"][1], before["merge.0.weight"][8])
    assert torch.equal(after["head.0.bias"][1], before["head.0.bias"][8])
    assert torch.equal(after["cells.1.first.weight"][:, 1], before["cells.1.first.weight"][:, 8])
    assert torch.equal(after["cells.1.first.weight"][:, 32:], before["cells.1.first.weight"][:, 32:])
    assert {name for name in before if torch.equal(after[name], before[name])} == set(before) - {
        *(f"{layer}.0.{kind}" for layer in ("head", "merge") for kind in ("weight", "bias")),
        *(f"cells.{i}.first{'.0' if i in (2, 6) else ''}.weight" for i in (0, 1, 2, 6)),
        "merge.0.weight",
    }


def test_a_head_that_is_read_in_groups_cannot_change_its_order(tmp_path: Path) -> None:
    graph = graph_of("falsr/FALSR-C")
    with pytest.raises(InputError, match=r"can't be imported: cells\.0\.first reads the head in groups"):
        import_checkpoint("falsr/FALSR-C", graph.file(tmp_path / "graph.pb"), tmp_path / "model")


def without(graph: Graph, suffix: str) -> None:
    """Take the one node of this name out: its readers read its first input."""
    (at,) = (i for i, node in enumerate(graph.nodes) if node[0].endswith(suffix))
    gone, _, (source, *_), _ = graph.nodes.pop(at)
    graph.nodes[:] = [(n, op, tuple(source if i == gone else i for i in ins), a) for n, op, ins, a in graph.nodes]


def other_sources(graph: Graph) -> None:
    """Let the fuse read the sources of its concatenation in another order."""
    name, op, (*sources, axis), attributes = graph.nodes[(at := index(graph, "concat_layer_7"))]
    graph.nodes[at] = name, op, (*reversed(sources), axis), attributes


def wide_stride(graph: Graph) -> None:
    graph.nodes[index(graph, "n32s1/c/Conv2D")][3]["strides"] = [1, 2, 2, 1]


def index(graph: Graph, suffix: str) -> int:
    return next(i for i, node in enumerate(graph.nodes) if node[0].endswith(suffix))


CONNECTS_OTHERWISE = "weights fit this point, but it connects them in another way"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda graph: without(graph, "cell6/conv_f16_k3_b1_isskip_b0/Relu"), CONNECTS_OTHERWISE),
        (lambda graph: without(graph, "cell2/conv_f16_k1_b2_isskip/skip"), CONNECTS_OTHERWISE),
        (lambda graph: without(graph, f"{SCOPE}/elementwise_layer"), CONNECTS_OTHERWISE),
        (lambda graph: without(graph, "cell1/invertBotConE2_f48_k1_b2_isskip_b1/add"), CONNECTS_OTHERWISE),
        (other_sources, CONNECTS_OTHERWISE),
        (wide_stride, r"operation Conv2D \('.*n32s1/c/Conv2D'\) is none of a network of cells"),
        (lambda graph: graph.nodes.__setitem__(index(graph, "n32s1/c/Relu"), swish(graph)), "operation Swish"),
        (lambda graph: without(graph, OUTPUT), "no luminance input or output"),
    ],
)
def test_a_graph_that_is_connected_otherwise_is_refused(
    change: Callable[[Graph], None], message: str, tmp_path: Path
) -> None:
    graph = graph_of("falsr/FALSR-B")
    change(graph)
    with pytest.raises(InputError, match=message):
        import_checkpoint("falsr/FALSR-B", graph.file(tmp_path / "graph.pb"), tmp_path / "model")
    assert not (tmp_path / "model").exists()


def swish(graph: Graph) -> tuple[str, str, tuple[str, ...], dict[str, object]]:
    name, _, inputs, attributes = graph.nodes[index(graph, "n32s1/c/Relu")]
    return name, "Swish", inputs, attributes


def test_another_point_s_graph_is_refused_by_the_shape_of_a_tensor(tmp_path: Path) -> None:
    path = graph_of("moremnas/MoreMNAS-C").file(tmp_path / "graph.pb")
    with pytest.raises(InputError, match=r"no checkpoint of moremnas/MoreMNAS-D .*: its tensor '.*' is .*, but"):
        import_checkpoint("moremnas/MoreMNAS-D", path, tmp_path / "model")


def test_points_of_other_spaces_have_no_graphs(tmp_path: Path) -> None:
    path = graph_of("moremnas/MoreMNAS-C").file(tmp_path / "graph.pb")
    with pytest.raises(InputError, match="TensorFlow graphs are read for points of FALSR and MoreMNAS alone"):
        import_checkpoint("espcn/ESPCN", path, tmp_path / "model")
