"""ONNX files of older opsets, for compilers that do not read newer ones.

PyTorch writes opset 18 and above. Of the operators that our networks use, the changes from 13 to 18 are few and can be
taken back (https://github.com/onnx/onnx/blob/main/docs/Changelog.md).
"""

from collections.abc import Callable
from typing import Any

from nas.deploy.packages import required
from nas.errors import InputError

OLDEST, NEWEST = 13, 20
WRITTEN = 18
"""The lowest opset that PyTorch writes."""

_SINCE = {"LayerNormalization": 17, "HardSwish": 14, "Gelu": 20}
"""Operators that older opsets do not have."""


def check_opset(opset: int) -> None:
    """Raise InputError for an opset that can't be written."""
    if not OLDEST <= opset <= NEWEST:
        raise InputError(f"ONNX files are written for opsets {OLDEST} to {NEWEST}, not {opset}.")


def lower(proto: Any, opset: int) -> None:
    """Turn a `ModelProto` of opset 18 into one of an older opset.

    Raises InputError if an operator is younger than the opset.
    """
    onnx = required("onnx")
    kept = []
    for node in proto.graph.node:
        since = _SINCE.get(node.op_type, 0)
        if since > opset:
            raise InputError(f"The operator {node.op_type} needs opset {since}; give --opset {since} or more.")
        if change := _CHANGES.get(node.op_type):
            change(proto, node)
        kept.append(node)
    used = {name for node in kept for name in node.input}
    for constant in [c for c in proto.graph.initializer if c.name not in used]:
        proto.graph.initializer.remove(constant)
    for entry in proto.opset_import:
        if entry.domain == "":
            entry.version = opset
    onnx.checker.check_model(proto)


def _axes_as_attribute(proto: Any, node: Any) -> None:
    """Until opset 17, ReduceMean and ReduceMax have their axes as an attribute."""
    onnx = required("onnx")
    if len(node.input) > 1:
        (axes,) = (c for c in proto.graph.initializer if c.name == node.input[1])
        node.attribute.append(onnx.helper.make_attribute("axes", onnx.numpy_helper.to_array(axes).tolist()))
        del node.input[1:]
    _without("noop_with_empty_axes")(proto, node)


def _without(*names: str) -> Callable[[Any, Any], None]:
    """Return a change that drops attributes which older opsets do not have; they hold their defaults."""

    def change(proto: Any, node: Any) -> None:
        for attribute in [a for a in node.attribute if a.name in names]:
            node.attribute.remove(attribute)

    return change


_CHANGES: dict[str, Callable[[Any, Any], None]] = {
    "ReduceMean": _axes_as_attribute,
    "ReduceMax": _axes_as_attribute,
    "Reshape": _without("allowzero"),
    "Resize": _without("antialias", "keep_aspect_ratio_policy"),
    "Split": _without("num_outputs"),
    "BatchNormalization": _without("training_mode"),
}
