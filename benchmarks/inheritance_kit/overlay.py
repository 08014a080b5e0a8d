"""Copies the weights of a layer into a layer of the same kind that may be wider, or have a larger kernel."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from search_spaces.layers.collapsible import Collapsible
from search_spaces.layers.conv import bias_of
from search_spaces.layers.distillation import FeatureDistillation
from search_spaces.layers.edge_conv import unit_weight
from search_spaces.layers.gated_blocks import SelfCalibration
from search_spaces.layers.gates import GatedDepthwise

PARTS: Mapping[type[nn.Module], Mapping[str, tuple[int, int]]] = {
    SelfCalibration: {"merge": (1, 2), "activation": (2, 1)},
    FeatureDistillation: {"merge": (1, 4)},
    GatedDepthwise: {"widen": (2, 1), "depthwise": (2, 1)},
}
"""Layers whose outputs are split, or whose inputs are concatenated: the numbers of equal parts of both.

Channels are matched within their part, since a wider block has wider parts.
"""


@torch.no_grad()
def inherit_module(young: nn.Module, old: nn.Module) -> None:
    """Copy the weights of `old` into `young`, layer by layer of the same name.

    Where widths or kernels differ, the channels and taps that both have are copied. An inherited channel computes what
    it computed: it reads nothing from new channels and new taps. New channels keep their initialisation.
    """
    layers = dict(old.named_modules())
    parts: dict[str, tuple[int, int]] = {}
    merged: set[str] = set()
    for name, layer in young.named_modules():
        for child, numbers in PARTS.get(type(layer), {}).items():
            parts[f"{name}.{child}".removeprefix(".")] = numbers
        other = layers.get(name)
        if other is None or any(name.startswith(f"{outer}.") for outer in merged):
            continue
        if isinstance(layer, Collapsible) or isinstance(other, Collapsible):
            merged.add(name)
            inherit_merged(layer, other)
        elif type(layer) is type(other):
            _inherit_parameters(layer, other, *parts.get(name, (1, 1)))


def _inherit_parameters(young: nn.Module, old: nn.Module, outputs: int, inputs: int) -> None:
    theirs = dict(old.named_parameters(recurse=False))
    for name, parameter in young.named_parameters(recurse=False):
        if name in theirs and isinstance(young, nn.ConvTranspose2d) and parameter.dim() > 1:
            overlay(parameter.transpose(0, 1), theirs[name].transpose(0, 1))
        elif name in theirs:
            overlay(parameter, theirs[name], outputs, inputs)


def inherit_merged(young: nn.Module, old: nn.Module) -> None:
    """Copy a convolution into another where one of both, or both, train with branches: as their merged convolutions.

    Branches of equal shapes are copied as they are. Other branches can't be overlaid one by one: their sum, which is
    what the network computes, would not be the overlaid sum.
    """
    if _shapes(young) == _shapes(old) and type(young) is type(old):
        young.load_state_dict(old.state_dict())
        return
    weight, bias = _merged(young)
    overlay(weight, _merged(old)[0])
    overlay(bias, _merged(old)[1])
    _set_merged(young, weight, bias)


@torch.no_grad()
def start_as_identity(layer: nn.Module) -> None:
    """Let a convolution with equally many inputs and outputs, or its merged form, copy its input."""
    weight, bias = _merged(layer)
    _set_merged(layer, unit_weight(weight), torch.zeros_like(bias))


@torch.no_grad()
def overlay(young: Tensor, old: Tensor, outputs: int = 1, inputs: int = 1) -> None:
    """Write [outputs, inputs, …taps] or [outputs] of `old` over those of `young`, kernels by their centres, in place.

    Args:
        young: The tensor that changes; a view of a parameter or a parameter.
        old: The inherited tensor, of the same number of dimensions.
        outputs: Number of equal parts of the outputs of both.
        inputs: Number of equal parts of the inputs of both.
    """
    mine, theirs = young.unflatten(0, (outputs, -1)), old.unflatten(0, (outputs, -1))
    count = min(mine.shape[1], theirs.shape[1])
    if young.dim() == 1:
        mine[:, :count] = theirs[:, :count]
        return
    mine, theirs = mine[:, :count].unflatten(2, (inputs, -1)), theirs[:, :count].unflatten(2, (inputs, -1))
    both = min(mine.shape[3], theirs.shape[3])
    mine.zero_()
    taps = [min(a, b) for a, b in zip(mine.shape[4:], theirs.shape[4:], strict=True)]
    mine[:, :, :, :both][_centre(mine, taps)] = theirs[:, :, :, :both][_centre(theirs, taps)]


def _centre(weight: Tensor, taps: list[int]) -> tuple[object, ...]:
    """Return the index of the central taps of [parts, outputs, parts, inputs, …taps]."""
    firsts = [(size - kept) // 2 for size, kept in zip(weight.shape[4:], taps, strict=True)]
    return (..., *(slice(first, first + kept) for first, kept in zip(firsts, taps, strict=True)))


def _merged(layer: nn.Module) -> tuple[Tensor, Tensor]:
    """Return copies of the weight and the bias of a convolution, or of one with branches."""
    if isinstance(layer, Collapsible):
        weight, bias = layer.merged()
    else:
        assert isinstance(layer, nn.Conv2d)
        weight, bias = layer.weight, bias_of(layer)
    return weight.clone(memory_format=torch.contiguous_format), bias.clone()


def _set_merged(layer: nn.Module, weight: Tensor, bias: Tensor) -> None:
    if isinstance(layer, Collapsible):
        layer.absorb(weight, bias)
    else:
        assert isinstance(layer, nn.Conv2d)
        layer.weight.copy_(weight)
        bias_of(layer).copy_(bias)


def _shapes(layer: nn.Module) -> dict[str, torch.Size]:
    return {name: parameter.shape for name, parameter in layer.named_parameters()}
