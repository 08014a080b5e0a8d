from pathlib import Path

import numpy as np
import pytest

from nas.convert.tensorflow_graph import read_graph
from nas.errors import InputError

from .graphs import Graph, integer, message, varint


@pytest.fixture
def graph() -> Graph:
    graph = Graph()
    graph.node("image", "Placeholder")
    graph.constant("kernel", [[1.5, -2.25], [0.0, 1e-9]], np.float32)
    graph.constant("axis", -1)
    graph.node(
        "parts", "Split", "axis", "image", num_split=4, padding="SAME", strides=[1, 2, -1], exact=True, slope=0.25
    )
    graph.node("second", "Relu", "parts:1", "^kernel")
    return graph


def test_nodes_come_by_name_in_their_order(graph: Graph, tmp_path: Path) -> None:
    nodes = read_graph(graph.file(tmp_path / "graph.pb"))
    assert list(nodes) == ["image", "kernel", "axis", "parts", "second"]
    assert [node.op for node in nodes.values()] == ["Placeholder", "Const", "Const", "Split", "Relu"]


def test_an_input_names_the_output_of_a_node_and_an_order_of_execution_is_none(graph: Graph, tmp_path: Path) -> None:
    nodes = read_graph(graph.file(tmp_path / "graph.pb"))
    assert nodes["parts"].inputs == (("axis", 0), ("image", 0))
    assert nodes["second"].inputs == (("parts", 1),)


def test_attributes_of_every_kind_are_read(graph: Graph, tmp_path: Path) -> None:
    nodes = read_graph(graph.file(tmp_path / "graph.pb"))
    assert nodes["parts"].attributes == {
        "num_split": 4, "padding": "SAME", "strides": [1, 2, -1], "exact": True, "slope": 0.25,
    }  # fmt: skip


def test_constants_are_arrays_of_their_type(graph: Graph, tmp_path: Path) -> None:
    nodes = read_graph(graph.file(tmp_path / "graph.pb"))
    kernel, axis = (nodes[name].attributes["value"] for name in ("kernel", "axis"))
    assert np.array_equal(kernel, np.array([[1.5, -2.25], [0.0, 1e-9]], np.float32)) and kernel.dtype == np.float32
    assert axis == -1 and axis.shape == () and axis.dtype == np.int32


def test_a_constant_may_give_its_first_values_only(tmp_path: Path) -> None:
    """The last value then stands for the rest."""
    shape = message(2, message(2, integer(1, 3)) + message(2, integer(1, 2)))
    tensor = integer(1, 1) + shape + message(5, np.array([7, 9], "<f4").tobytes())
    value = message(5, message(1, "value") + message(2, message(8, tensor)))
    (tmp_path / "graph.pb").write_bytes(message(1, message(1, "a") + message(2, "Const") + value))
    constant = read_graph(tmp_path / "graph.pb")["a"].attributes["value"]
    assert constant.tolist() == [[7, 9], [9, 9], [9, 9]]


@pytest.mark.parametrize(
    "content",
    [
        b"not a graph at all, but text",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        varint(1 << 3 | 2) + varint(1000) + b"cut off",
        message(1, b"\xff\xff\xff"),
        message(1, message(1, "a") + message(2, b"\xff\xfe")),
        message(1, message(5, message(1, "value") + message(2, message(8, integer(1, 99))))),
    ],
)
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "graph.pb").write_bytes(content)
    with pytest.raises(InputError, match=r"graph\.pb is not a frozen TensorFlow graph"):
        read_graph(tmp_path / "graph.pb")


def test_every_truncation_is_refused_or_ends_between_two_nodes(graph: Graph, tmp_path: Path) -> None:
    whole = graph.file(tmp_path / "graph.pb").read_bytes()
    for length in range(0, len(whole), 3):
        (tmp_path / "cut.pb").write_bytes(whole[:length])
        try:
            nodes = read_graph(tmp_path / "cut.pb")
        except InputError:
            continue
        assert 0 < len(nodes) < 5


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.pb can't be read \(No such file"):
        read_graph(tmp_path / "none.pb")
