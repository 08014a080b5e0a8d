"""Whether a chip takes a network: every operator of its graph, and the multiply-adds that the chip computes."""

import math
from dataclasses import dataclass
from typing import Any

import torch

from nas.deploy.form import Form
from nas.deploy.graph import Operator, counted, operators
from nas.deploy.onnx import graph_of
from nas.deploy.packages import required
from nas.deploy.target import Refused, Target
from nas.image_size import Size
from search_spaces import SPACES, Architecture


@dataclass(frozen=True)
class Fit:
    """How a network fits a target."""

    target: Target
    lr: Size
    """(width, height) of the LR image."""
    operators: tuple[Operator, ...]
    macs: int
    """Multiply-adds for the LR image as the target computes them: channels rounded up to its multiple, and fixed
    filters, such as the image skip, included."""

    @property
    def refused(self) -> list[Refused]:
        """The operators that the target does not take."""
        return self.target.refused(self.operators)

    @property
    def counts(self) -> dict[str, int]:
        """Kind of operator → how often it occurs."""
        return counted(self.operators)

    def verdict(self, kind: str) -> str:
        """Return whether the target takes the operators of a kind: `yes`, `on the CPU`, or why not."""
        why = [entry.why for entry in self.refused if entry.kind == kind]
        if why:
            return f"no: {'; '.join(why)}"
        return "on the CPU" if kind in self.target.elsewhere else "yes"

    def layers(self, kind: str) -> list[str]:
        """Return the layers that the operators of a kind come from."""
        return list(dict.fromkeys(operator.layer for operator in self.operators if operator.kind == kind))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        found = {}
        for kind, count in self.counts.items():
            found[kind] = {"count": count, "taken": self.verdict(kind), "layers": self.layers(kind)}
        return {"target": self.target.name, "lr": list(self.lr), "macs": self.macs, "operators": found}


def fit(architecture: Architecture, target: Target, lr: Size) -> Fit:
    """Return how a network fits a target at one size of LR images.

    The network is built with random weights and written as for an export. Raises InputError for a size that it can't
    take; RunError for a network that ONNX can't express.
    """
    form = Form.of(target, lr=lr)
    form.check_size(SPACES.get(architecture.space).minimum_side)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        graph = graph_of(architecture.build(), architecture, form)
    return Fit(target, lr, tuple(operators(graph)), multiply_adds_of(graph, target.channel_multiple))


def multiply_adds_of(proto: Any, multiple: int = 1) -> int:
    """Return the multiply-adds of the convolutions and matrix products of a `ModelProto` with known sizes.

    Channels count in multiples of `multiple`, each group of a grouped convolution for itself; the filters of a
    depthwise convolution count together.
    """
    onnx = required("onnx")
    graph = onnx.shape_inference.infer_shapes(proto).graph
    shapes = {constant.name: tuple(constant.dims) for constant in graph.initializer}
    for value in [*graph.input, *graph.value_info, *graph.output]:
        shapes[value.name] = tuple(side.dim_value for side in value.type.tensor_type.shape.dim)
    return sum(_of_node(node, shapes, multiple, onnx) for node in graph.node)


def _of_node(node: Any, shapes: dict[str, tuple[int, ...]], multiple: int, onnx: Any) -> int:
    def up(channels: int) -> int:
        return math.ceil(channels / multiple) * multiple

    if node.op_type in ("Conv", "ConvTranspose"):
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        groups, weight = attributes.get("group", 1), shapes[node.input[1]]
        # A transposed convolution multiplies every input pixel, an ordinary one every output pixel.
        image = shapes[node.output[0] if node.op_type == "Conv" else node.input[0]]
        pixels = image[0] * math.prod(image[2:]) * math.prod(weight[2:])
        if groups == weight[0] and weight[1] == 1:
            return pixels * up(groups)
        return int(pixels * groups * up(weight[0] // groups) * up(weight[1]))
    if node.op_type in ("MatMul", "Gemm"):
        return math.prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]
    return 0
