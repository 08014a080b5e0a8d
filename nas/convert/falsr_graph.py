"""The published graphs of FALSR and MoreMNAS as weights of the network of cells.

The graphs (arXiv 1901.07261 and 1901.01074) name their constants by cell, operation and repeat, e.g.
`…/cell2/conv_f16_k1_b2_isskip_b1/kernel`, so each constant can be assigned to a module. Both networks are run on an
image to check that ReLUs, skips, groups and concatenations agree.
"""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from nas.convert.graph_function import evaluate
from nas.convert.tensorflow_graph import Node
from nas.errors import InputError
from search_spaces.families.falsr import CellNetwork

_PLACES = (
    (r"n32s1/c/", "head.0."),
    (r"n32s1/2/0/", "merge.0."),
    (r"yout/", "last."),
    (r"cell(\d+)/\w+_conv_supple/", r"cells.{0}.first."),
    (r"cell(\d+)/\w+_b(\d+)_conv_1/", r"cells.{0}.rest.{1}.body.0."),
    (r"cell(\d+)/\w+_b(\d+)depth_wise/", r"cells.{0}.rest.{1}.body.2."),
    (r"cell(\d+)/\w+_b(\d+)_conv_2/", r"cells.{0}.rest.{1}.body.4."),
    (r"cell(\d+)/\w+_b0/", r"cells.{0}.first.0."),
    (r"cell(\d+)/\w+_b(\d+)/", r"cells.{0}.rest.{before}.0."),
)
"""(pattern of a constant's name after the scope of the graph, module of our network); the first match counts."""

_KINDS = {
    "kernel": "weight",
    "W": "weight",
    "W_depthwise2d": "weight",
    "bias": "bias",
    "b": "bias",
    "b_depthwise2d": "bias",
}

TOLERANCE = 1e-5
"""A smaller difference between graph and network, as a share of the largest output, is rounding."""


def graph_state(graph: Mapping[str, Node]) -> dict[str, Tensor]:
    """Return the learned constants of a graph with our names and PyTorch's layouts."""
    state = {}
    for node in graph.values():
        scope, _, kind = node.name.rpartition("/")
        place = _place(f"{scope}/") if kind in _KINDS and node.op == "Const" else None
        if place:
            value = torch.tensor(node.attributes["value"])
            depthwise = kind == "W_depthwise2d"
            if value.dim() == 4:  # [height, width, inputs, outputs]; depthwise: outputs for each input
                value = value.permute(2, 3, 0, 1) if depthwise else value.permute(3, 2, 0, 1)
            state[place + _KINDS[kind]] = value.contiguous()
    return state


def _place(scope: str) -> str | None:
    for pattern, place in _PLACES:
        match = re.search(rf"(?:^|/){pattern}$", scope)
        if match:
            numbers = match.groups()
            return place.format(*numbers, before=int(numbers[-1]) - 1 if numbers else None)
    return None


def check_function(graph: Mapping[str, Node], network: CellNetwork) -> None:
    """Raise InputError unless the graph and the network give the same output for a random image."""
    image = torch.rand(1, 1, 14, 11, generator=torch.Generator().manual_seed(0))
    output = next((name for name in graph if name.endswith("yout/BiasAdd")), None)
    source = next((node.name for node in graph.values() if node.op == "Placeholder"), None)
    if output is None or source is None:
        raise InputError("The graph has no luminance input or output; only graphs of FALSR and MoreMNAS can be read.")
    with torch.inference_mode():
        expected = evaluate(graph, output, {source: image})
        result = network(image)
    if expected.shape != result.shape or not (expected - result).abs().max() <= TOLERANCE * expected.abs().max():
        raise InputError("The graph's weights fit this point, but its layers are connected in another way.")
