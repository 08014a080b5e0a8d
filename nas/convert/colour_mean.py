"""The colour mean that a network subtracts first and adds last, moved into the biases of its one-channel form."""

import copy
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from nas.convert.colour_layouts import Layouts, readers_of_colours, writers_of_colours
from nas.convert.in_gray import COLOURS, InGray
from nas.errors import InputError

ROUNDING = 1e-6
"""A smaller colour mean is rounding."""


def move_subtracted_mean(colour: nn.Module, gray: nn.Module, layouts: Layouts, black: Tensor) -> list[str]:
    """Change biases of `gray` by the effect of the mean that `colour` subtracts.

    `black` is a black image [1, 1, H, W]. Returns the paths of the modules that read the image without its mean. Raises
    InputError if no bias can take the mean.
    """
    shifted, writers = [], writers_of_colours(colour, gray)
    for path in readers_of_colours(colour, gray):
        theirs, ours = _input(colour, path, black.expand(-1, COLOURS, -1, -1)), _input(gray, path, black)
        matrix = layouts[len(theirs), len(ours)]
        of_colours = (matrix.sum(dim=1) > 1).float()
        mean = (theirs - ours @ matrix) * (of_colours @ matrix)
        if mean.abs().max() > ROUNDING:
            change = _response(colour.get_submodule(path), mean)
            if path in writers:
                matrix = next(m for (many, _), m in layouts.items() if many == len(change))
                change = matrix @ change / matrix.sum(dim=1)
            shifted += [path, *_add_to_bias(gray, path, change, black)]
    return shifted


def move_added_mean(colour: nn.Module, gray: nn.Module, black: Tensor) -> None:
    """Change a bias of `gray` by the effect of the mean that `colour` adds. Raises InputError if there is no bias."""
    writers = writers_of_colours(colour, gray)
    muted_gray, muted_colour = copy.deepcopy(gray), copy.deepcopy(colour)
    for path in writers:
        for network in (muted_gray, muted_colour):
            for parameter in network.get_submodule(path).parameters():
                parameter.zero_()
    before = _middle(muted_gray(black))
    offset = _middle(InGray(muted_colour)(black)) - before
    if abs(offset) < ROUNDING:
        return
    biased = [path for path in writers if gray.get_submodule(path).bias is not None]
    if not biased:
        raise InputError("The colour mean that is added last can't be moved into this network: nothing has a bias.")
    # How much the output changes when the bias changes by 1.
    cast(nn.Parameter, muted_gray.get_submodule(biased[-1]).bias).fill_(1)
    slope = _middle(muted_gray(black)) - before
    cast(nn.Parameter, gray.get_submodule(biased[-1]).bias).add_(offset / slope)


def _input(network: nn.Module, path: str, image: Tensor) -> Tensor:
    """Return the input of the module at `path` for a uniform image: one value for each channel, from the middle."""
    inputs_seen: list[Tensor] = []
    with network.get_submodule(path).register_forward_pre_hook(lambda _, inputs: inputs_seen.append(inputs[0])):
        network(image)
    seen = inputs_seen[0]
    return seen[0, :, seen.shape[2] // 2, seen.shape[3] // 2]


def _response(layer: nn.Module, values: Tensor) -> Tensor:
    """Return the change of a linear layer's output when its input changes by `values`, one for each channel."""
    side = 33  # no kernel reaches from the middle of this image to its border
    image = values.view(1, -1, 1, 1).expand(-1, -1, side, side)
    change = cast(Tensor, layer(image) - layer(torch.zeros_like(image)))
    return change[0, :, change.shape[2] // 2, change.shape[3] // 2]


def _add_to_bias(gray: nn.Module, path: str, change: Tensor, black: Tensor) -> list[str]:
    """Add `change` to the output of the module at `path`, by its bias.

    Without a bias, the bias of the only layer that reads the output takes it. Returns the paths of such layers.
    """
    layer = gray.get_submodule(path)
    if layer.bias is not None:
        cast(nn.Parameter, layer.bias).add_(change)
        return []
    readers = _readers(gray, layer, black)
    if len(readers) != 1:
        raise InputError(
            f"The colour mean that is subtracted first can't be moved into this network: '{path}' has no bias."
        )
    reader = readers[0]
    return [reader, *_add_to_bias(gray, reader, _response(gray.get_submodule(reader), change), black)]


def _readers(network: nn.Module, layer: nn.Module, image: Tensor) -> list[str]:
    """Return the paths of the convolutions whose input is the output of `layer`."""
    outputs: list[Tensor] = []
    readers: list[str] = []

    def note(reader: str) -> Callable[..., None]:
        return lambda _, inputs: readers.append(reader) if outputs and inputs[0] is outputs[0] else None

    convolutions = [(name, m) for name, m in network.named_modules() if isinstance(m, nn.Conv2d)]
    handles = [module.register_forward_pre_hook(note(name)) for name, module in convolutions]
    handles.append(layer.register_forward_hook(lambda _, __, output: outputs.append(output)))
    network(image)
    for handle in handles:
        handle.remove()
    return readers


def _middle(image: Tensor) -> float:
    return image[0, 0, image.shape[2] // 2, image.shape[3] // 2].item()
