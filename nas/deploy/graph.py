"""The operators of an ONNX graph: what each is, what limits it, and which layer of the network it comes from."""

import ast
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nas.deploy.packages import required

SCOPES, CLASSES = "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy"
"""Where the exporter of PyTorch notes the modules that an operator comes from, and their classes."""

MAIN = ("", "ai.onnx")
"""The domains of ONNX's own operators."""


@dataclass(frozen=True)
class Operator:
    """An operator of a graph."""

    kind: str
    """Its name in ONNX, e.g. `Conv`; operators of other domains have the domain before it."""
    layer: str
    """The module that it comes from, e.g. `cells.0.1`; empty for the network itself."""
    attributes: Mapping[str, Any]
    """Its attributes: integers, floats, texts (as str) or lists of these."""
    rank: int | None
    """Number of dimensions of its first output, if the graph tells."""


def name_nodes(proto: Any) -> None:
    """Name each node `layer/kind`, with a number where the name is taken, and keep the class of its layer as its text.

    Everything else that the exporter notes of a node is dropped.
    """
    taken: Counter[str] = Counter()
    for node in proto.graph.node:
        notes = {entry.key: entry.value for entry in node.metadata_props}
        scopes, classes = (ast.literal_eval(notes.get(key, "[]")) for key in (SCOPES, CLASSES))
        layer = scopes[-2] if len(scopes) > 1 else ""
        node.doc_string = classes[-2].rpartition(".")[2] if len(classes) > 1 else ""
        name = f"{layer}/{node.op_type}"
        taken[name] += 1
        node.name = name if taken[name] == 1 else f"{name}_{taken[name]}"
        # The notes hold the path of a source file on this computer, too.
        del node.metadata_props[:]
    del proto.graph.metadata_props[:]


def operators(proto: Any) -> list[Operator]:
    """Return the operators of a `ModelProto` in the order in which they run."""
    onnx = required("onnx")
    inferred = onnx.shape_inference.infer_shapes(proto)
    values = [*inferred.graph.value_info, *inferred.graph.output]
    ranks = {value.name: len(value.type.tensor_type.shape.dim) for value in values}
    found = []
    for node in inferred.graph.node:
        kind = node.op_type if node.domain in MAIN else f"{node.domain}.{node.op_type}"
        attributes = {a.name: _plain(onnx.helper.get_attribute_value(a)) for a in node.attribute}
        layer = node.name.rpartition("/")[0]
        found.append(Operator(kind, layer, attributes, ranks.get(node.output[0])))
    return found


def counted(every: Iterable[Operator]) -> dict[str, int]:
    """Return how often each kind of operator occurs, the most frequent first."""
    return dict(Counter(operator.kind for operator in every).most_common())


def _plain(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value
