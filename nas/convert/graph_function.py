"""Running a TensorFlow graph of convolutions in PyTorch, to check that the converted network computes the same."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from nas.convert.tensorflow_graph import Node
from nas.errors import InputError

_MOST_VALUES = 1 << 24
"""Maximum number of values of a tensor. The image that graphs are checked on has 154 pixels."""


def evaluate(graph: Mapping[str, Node], output: str, feeds: Mapping[str, Tensor]) -> Tensor:
    """Return the output of node `output` for these placeholders, all [N, C, H, W].

    Raises InputError for an unknown operation, for inputs that don't fit an operation, and for tensors that are larger
    than those of any network of cells.
    """
    try:
        return _evaluate(graph, output, feeds)
    except InputError:
        raise
    except (KeyError, IndexError, ValueError, TypeError, ZeroDivisionError, RuntimeError):
        raise InputError("The graph can't be run: the inputs of an operation don't fit it.") from None


def _evaluate(graph: Mapping[str, Node], output: str, feeds: Mapping[str, Tensor]) -> Tensor:
    needed, waiting = set(), [output]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += [source for source, _ in graph[name].inputs]
    values: dict[str, tuple[Tensor, ...]] = {name: (x.permute(0, 2, 3, 1),) for name, x in feeds.items()}
    for node in graph.values():
        if node.name in needed and node.name not in values:
            values[node.name] = _run(node, [values[source][number] for source, number in node.inputs])
    return values[output][0].permute(0, 3, 1, 2)


def _run(node: Node, inputs: list[Tensor]) -> tuple[Tensor, ...]:
    """Return the outputs of a node. Images are [N, H, W, C] here, as in TensorFlow."""
    first = inputs[0] if inputs else None
    match node.op:
        case "Const":
            return (torch.tensor(node.attributes["value"]),)
        case "Conv2D" | "DepthwiseConv2dNative" if _plain(node):
            return (_convolve(*inputs, depthwise=node.op != "Conv2D"),)
        case "Identity" if first is not None:
            return (first,)
        case "Relu" if first is not None:
            return (first.relu(),)
        case "BiasAdd" | "Add" | "AddV2":
            _check_size(math.prod(torch.broadcast_shapes(inputs[0].shape, inputs[1].shape)))
            return (inputs[0] + inputs[1],)
        case "ConcatV2":
            _check_size(sum(part.numel() for part in inputs[:-1]))
            return (torch.cat(inputs[:-1], dim=int(inputs[-1])),)
        case "Split":
            axis, values = int(inputs[0]), inputs[1]
            return torch.tensor_split(values, _number(node, "num_split"), dim=axis)
        case "DepthToSpace" if first is not None:
            return (_depth_to_space(first, _number(node, "block_size")),)
    raise InputError(f"The graph's operation {node.op} ('{node.name}') does not occur in networks of cells.")


def _check_size(values: int) -> None:
    if values > _MOST_VALUES:
        raise InputError("The graph can't be run: one of its tensors is far larger than those of a network of cells.")


def _plain(node: Node) -> bool:
    """Tell whether a convolution is padded to the same size, with stride and dilation 1."""
    a = node.attributes
    unit = [1, 1, 1, 1]
    same = a.get("padding") == "SAME" and a.get("data_format", "NHWC") == "NHWC"
    return same and a.get("strides") == unit and a.get("dilations", unit) == unit


def _convolve(image: Tensor, kernel: Tensor, *, depthwise: bool) -> Tensor:
    weight = kernel.permute(2, 3, 0, 1) if depthwise else kernel.permute(3, 2, 0, 1)
    padding = kernel.shape[0] // 2
    _check_size(image[..., 0].numel() * kernel.shape[-1 if not depthwise else 2])
    groups = kernel.shape[2] if depthwise else 1
    return F.conv2d(image.permute(0, 3, 1, 2), weight, padding=padding, groups=groups).permute(0, 2, 3, 1)


def _depth_to_space(image: Tensor, block: int) -> Tensor:
    n, height, width, channels = image.shape
    parts = image.reshape(n, height, width, block, block, channels // block**2)
    return parts.permute(0, 1, 3, 2, 4, 5).reshape(n, height * block, width * block, channels // block**2)


def _number(node: Node, attribute: str) -> int:
    value = node.attributes.get(attribute)
    if not isinstance(value, int):
        raise InputError(f"The graph's operation {node.op} ('{node.name}') lacks {attribute}.")
    return value
