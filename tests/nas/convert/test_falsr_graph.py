"""Graphs that the tests write themselves, against an evaluation in numpy."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from nas.convert.importing import import_checkpoint
from nas.errors import InputError
from search_spaces import SPACES, Architecture
from search_spaces.families.falsr import CELLS, CellSpace
from search_spaces.layers.cell import CellChoices

from .graphs import OUTPUT, SCOPE, Graph, cell_graph, run

POINTS = ["falsr/FALSR-B", "falsr/FALSR-C", "moremnas/MoreMNAS-C", "moremnas/MoreMNAS-D"]


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


CONNECTS_OTHERWISE = "weights fit this point, but its layers are connected in another way"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda graph: without(graph, "cell6/conv_f16_k3_b1_isskip_b0/Relu"), CONNECTS_OTHERWISE),
        (lambda graph: without(graph, "cell2/conv_f16_k1_b2_isskip/skip"), CONNECTS_OTHERWISE),
        (lambda graph: without(graph, f"{SCOPE}/elementwise_layer"), CONNECTS_OTHERWISE),
        (lambda graph: without(graph, "cell1/invertBotConE2_f48_k1_b2_isskip_b1/add"), CONNECTS_OTHERWISE),
        (other_sources, CONNECTS_OTHERWISE),
        (wide_stride, r"operation Conv2D \('.*n32s1/c/Conv2D'\) does not occur in networks of cells"),
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
    with pytest.raises(InputError, match=r"not a checkpoint of moremnas/MoreMNAS-D .*: its tensor '.*' is .*, but"):
        import_checkpoint("moremnas/MoreMNAS-D", path, tmp_path / "model")


def test_points_of_other_spaces_have_no_graphs(tmp_path: Path) -> None:
    path = graph_of("moremnas/MoreMNAS-C").file(tmp_path / "graph.pb")
    with pytest.raises(InputError, match="TensorFlow graphs are read only for points of FALSR and MoreMNAS"):
        import_checkpoint("espcn/ESPCN", path, tmp_path / "model")
