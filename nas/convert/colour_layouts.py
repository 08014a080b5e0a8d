"""Where the colours lie among the channels of a network's tensors, and how tensors are reduced to one channel.

A kernel that reads colours is summed over them, and a kernel that writes colours is averaged over them.
"""

import itertools
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from nas.convert.in_gray import COLOURS
from nas.errors import InputError

_AXES: Mapping[type[nn.Module], tuple[int, int]] = {nn.Conv2d: (0, 1), nn.ConvTranspose2d: (1, 0), nn.Linear: (0, 1)}
"""The dimensions of a weight that run over the outputs and over the inputs of its module."""

Layouts = Mapping[tuple[int, int], Tensor]
"""(length in the colour network, length in the gray network) of a dimension → matrix [gray, colour].

The matrix is 1 at [j, i] if entry i of the colour network is a colour of gray entry j, or the same as entry j.
"""


def layouts_of(colour: nn.Module, gray: nn.Module) -> Iterator[Layouts]:
    """Yield the possible layouts of colours. Only a comparison of outputs shows which layout is right."""
    theirs, ours = colour.state_dict(), gray.state_dict()
    if theirs.keys() != ours.keys():
        raise InputError("The one-channel form of this network has other layers, so it can't be made of these weights.")
    differing = [name for name in ours if theirs[name].shape != ours[name].shape]
    lengths: set[tuple[int, int]] = set()
    for name in differing:
        if ours[name].dim() > 1 and _axis(gray, name, 0) is None:
            raise InputError(f"The tensor '{name}' of this network can't be reduced to one channel.")
        for pair in zip(theirs[name].shape, ours[name].shape, strict=True):
            if pair[0] != pair[1]:
                lengths.add(pair)
    pairs = sorted(lengths)
    for chosen in itertools.product(*(_arrangements(*pair) for pair in pairs)):
        yield dict(zip(pairs, chosen, strict=True))


def _arrangements(many: int, few: int) -> list[Tensor]:
    """Return the possible matrices [few, many]: some of the `few` entries have three colours, the others have none."""
    in_colour = (many - few) // (COLOURS - 1)
    single = torch.eye(few - in_colour) if 0 < in_colour <= few else torch.eye(0)
    if many != COLOURS * in_colour + len(single):
        raise InputError(f"The one-channel form of this network has {few} for {many} channels somewhere inside.")
    # Either all entries of a colour and then the next colour, as the pixel shuffle has them; or entry by entry.
    entries = torch.eye(in_colour)
    colours = [entries.repeat(1, COLOURS)]
    if in_colour > 1:
        colours.append(entries.repeat_interleave(COLOURS, dim=1))
    pairs = [(part, single) for part in colours]
    if len(single):
        pairs += [(single, part) for part in colours]
    return [torch.block_diag(*pair) for pair in pairs]


def reduce_colours(colour: nn.Module, gray: nn.Module, layouts: Layouts) -> None:
    """Set all tensors of `gray` from those of `colour`."""
    theirs, reduced = colour.state_dict(), {}
    for name, ours in gray.state_dict().items():
        tensor = theirs[name]
        for axis, pair in enumerate(zip(tensor.shape, ours.shape, strict=True)):
            if pair[0] != pair[1]:
                matrix = layouts[pair]
                matrix = matrix if axis == _axis(gray, name, 1) else matrix / matrix.sum(dim=1, keepdim=True)
                tensor = torch.tensordot(matrix, tensor, dims=([1], [axis])).movedim(0, axis)
        reduced[name] = tensor
    gray.load_state_dict(reduced)


def writers_of_colours(colour: nn.Module, gray: nn.Module) -> list[str]:
    """Return the paths of the modules that have more outputs in the colour network."""
    return _differing(colour, gray, 0)


def readers_of_colours(colour: nn.Module, gray: nn.Module) -> list[str]:
    """Return the paths of the modules that have more inputs in the colour network."""
    return _differing(colour, gray, 1)


def _differing(colour: nn.Module, gray: nn.Module, which: int) -> list[str]:
    theirs, ours = colour.state_dict(), gray.state_dict()
    paths = []
    for name in ours:
        axis = _axis(gray, name, which)
        if axis is not None and theirs[name].shape[axis] != ours[name].shape[axis]:
            paths.append(name.removesuffix(".weight"))
    return paths


def _axis(network: nn.Module, name: str, which: int) -> int | None:
    """Return the dimension of a tensor that runs over its module's outputs (0) or inputs (1); None if none does."""
    path, _, kind = name.rpartition(".")
    axes = _AXES.get(type(network.get_submodule(path)))
    return axes[which] if axes and kind == "weight" else None
