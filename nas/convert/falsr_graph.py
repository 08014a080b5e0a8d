"""The published graphs of FALSR and MoreMNAS as weights of our network of cells.

The graphs (arXiv 1901.07261 and 1901.01074) name their constants by cell, operation and repeat, e.g.
`…/cell2/conv_f16_k1_b2_isskip_b1/kernel`: that is enough to place them. Whether ReLUs, skips, groups and concatenations
agree is proven by running both on an image.
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
"""What follows the graph's own scope in the name of a constant, and the module of ours; the first that fits counts."""

_KINDS = {
    "kernel": "weight",
    "W": "weight",
    "W_depthwise2d": "weight",
    "bias": "bias",
    "b": "bias",
    "b_depthwise2d": "bias",
}

TOLERANCE = 1e-5
"""Largest difference between graph and network that is rounding, as a share of the largest output."""


def graph_state(graph: Mapping[str, Node]) -> dict[str, Tensor]:
    """Return the learned constants of a graph under our names and in PyTorch's layouts."""
    state = {}
    for node in graph.values():
        scope, _, kind = node.name.rpartition("/")
        place = _place(f"{scope}/") if kind in _KINDS and node.op == "Const" else None
        if place:
            value = torch.tensor(node.attributes["value"])
            depthwise = kind == "W_depthwise2d"
            if value.dim() == 4:  # height, width, inputs, outputs (of one input, where depthwise)
                value = value.permute(2, 3, 0, 1) if depthwise else value.permute(3, 2, 0, 1)
            state[place + _KINDS[kind]] = value.contiguous()
    return state


def _place(scope: str) -> str | None:
    for pattern, place in _PLACES:
        if match := re.search(rf"(?:^|/){pattern}$", scope):
            numbers = match.groups()
            return place.format(*numbers, before=int(numbers[-1]) - 1 if numbers else None)
    return None


def check_function(graph: Mapping[str, Node], network: CellNetwork) -> None:
    """Raise InputError unless the graph and the network give the same image for a random one."""
    image = torch.rand(1, 1, 14, 11, generator=torch.Generator().manual_seed(0))
    output = next((name for name in graph if name.endswith("yout/BiasAdd")), None)
    source = next((node.name for node in graph.values() if node.op == "Placeholder"), None)
    if output is None or source is None:
        raise InputError("The graph has no luminance input or output; only those of FALSR and MoreMNAS can be read.")
    with torch.inference_mode():
        expected = evaluate(graph, output, {source: image})
        result = network(image)
    if expected.shape != result.shape or not (expected - result).abs().max() <= TOLERANCE * expected.abs().max():
        raise InputError("The graph's weights fit this point, but it connects them in another way.")
