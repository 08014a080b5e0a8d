"""A network for colour images as one for a single channel: the mean colour of what it makes of equal colours.

The kernels that read the image are summed over its colours, those that write it averaged. A colour mean that authors
subtract first and add last goes into the biases of these convolutions.
"""

import copy
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas.convert.checkpoint import fit, load
from nas.errors import InputError
from search_spaces import SPACES, Architecture
from search_spaces.layers.collapsible import Collapsible, fused

COLOURS = 3

TOLERANCE = 1e-4
"""Largest difference that is rounding, which deep networks have 2e-5 of; a layout taken for another one makes a
thousand times as much."""

ROUNDING = 1e-6
"""Colour means below this are none."""

_AXES: Mapping[type[nn.Module], tuple[int, int]] = {nn.Conv2d: (0, 1), nn.ConvTranspose2d: (1, 0), nn.Linear: (0, 1)}
"""Which dimensions of a module's weight are its outputs and its inputs."""

Layouts = Mapping[tuple[int, int], Tensor]
"""By the lengths (in colour, in gray) of a dimension: 1 at [j, i] where entry i holds a colour of gray entry j, or is j
itself."""


@dataclass(frozen=True)
class Gray:
    """What came of a colour network."""

    architecture: Architecture
    network: nn.Module
    exact: bool
    """Whether it gives the mean of the colour network's output everywhere. It can't where an image less its mean is
    padded with zeros: beyond the border the colour network saw the mean, this one sees black.
    """
    difference: float
    """The largest difference from that mean on a white and a smooth image, as a share of the largest output or of 1."""


class InGray(nn.Module):
    """A network for colour images as one for gray ones, whatever is inside it."""

    def __init__(self, network: nn.Module, channels: int = COLOURS) -> None:
        super().__init__()
        self.network = network
        self._channels = channels

    def forward(self, image: Tensor) -> Tensor:
        """[N, 1, h, w], shown in each of the network's channels → the mean of the channels it makes, [N, 1, H, W]."""
        colour: Tensor = self.network(image.expand(-1, self._channels, -1, -1))
        return colour.mean(dim=1, keepdim=True)


@torch.no_grad()
def to_gray(network: nn.Module, architecture: Architecture) -> Gray:
    """Return the one-channel network whose output for g is the mean colour of that of `network` for (g, g, g).

    Raises InputError where there is no such network: for one that has one channel already, in a space without
    one-channel networks, where colours meet in a nonlinearity, and where no bias can take a colour mean. (A network
    that amplifies rounding to visible size is taken for one whose colours meet.)
    """
    space = SPACES.get(architecture.space)
    if architecture.channels != COLOURS:
        raise InputError("This network has one channel already; leave --to-gray out.")
    if 1 not in space.channels:
        raise InputError(f"The space '{space.name}' has no one-channel networks.")
    form = replace(architecture, channels=1)
    colour, gray = fused(copy.deepcopy(network).cpu().eval()), fused(form.build().eval())
    images = _images(space.minimum_side)
    _fill(gray, colour, images)
    trained = _training_form(network, colour, gray, form)
    difference = _difference(colour, trained, images)
    return Gray(form, trained, difference <= TOLERANCE, difference)


def _fill(gray: nn.Module, colour: nn.Module, images: Tensor) -> None:
    """Give `gray` the weights that make it the mean colour of `colour` on `images`."""
    black = torch.zeros_like(images[:1])
    nearest, reasons = math.inf, []
    for layouts in _layouts(colour, gray):
        _reduce(colour, gray, layouts)
        try:
            shifted = _fold_input(colour, gray, layouts, black)
            _fold_output(colour, gray, black)
        except InputError as error:
            reasons.append(error)
            continue
        # Around a periodic image no zeros are padded, so there the two must agree.
        nearest = min(nearest, _difference(_periodic(colour, shifted), _periodic(gray, shifted), images))
        if nearest <= TOLERANCE:
            return
    if nearest == math.inf and reasons:
        raise reasons[0]
    raise InputError(
        "This network has no one-channel form: its colours meet inside, so the nearest would differ by "
        f"{nearest:.2g} of its range."
    )


def _images(minimum: int) -> Tensor:
    """Return a white and a random but smooth image [2, 1, H, W]: some networks explode on white noise."""
    sides = max(32, minimum), max(40, minimum)
    coarse = torch.rand(1, 1, 5, 6, generator=torch.Generator().manual_seed(0))
    smooth = F.interpolate(coarse, sides, mode="bicubic", align_corners=True).clamp(0, 1)
    return torch.cat([torch.ones_like(smooth), smooth])


def _difference(colour: nn.Module, gray: nn.Module, images: Tensor) -> float:
    expected = InGray(colour)(images)
    difference = (gray(images) - expected).abs().max() / expected.abs().max().clamp(min=1)
    return float(difference.nan_to_num(nan=math.inf))


def _layouts(colour: nn.Module, gray: nn.Module) -> Iterator[Layouts]:
    """Yield how colours may lie in the dimensions that differ; the outputs tell which it is."""
    theirs, ours = colour.state_dict(), gray.state_dict()
    if theirs.keys() != ours.keys():
        raise InputError("The one-channel form of this network has other layers, so it can't be made of these weights.")
    differing = [name for name in ours if theirs[name].shape != ours[name].shape]
    for name in differing:
        if ours[name].dim() > 1 and _axis(gray, name, 0) is None:
            raise InputError(f"The tensor '{name}' of this network can't be made one of a single channel.")
    pairs = sorted({p for n in differing for p in zip(theirs[n].shape, ours[n].shape, strict=True) if p[0] != p[1]})
    for chosen in itertools.product(*(_arrangements(*pair) for pair in pairs)):
        yield dict(zip(pairs, chosen, strict=True))


def _arrangements(many: int, few: int) -> list[Tensor]:
    """Return how `many` entries may hold the three colours of some of `few` entries, and the others as they are."""
    images = (many - few) // (COLOURS - 1)
    rest = torch.eye(few - images) if 0 < images <= few else torch.eye(0)
    if many != COLOURS * images + len(rest):
        raise InputError(f"The one-channel form of this network has {few} for {many} channels somewhere inside.")
    # All entries of a colour, then the next colour, as the pixel shuffle has it; or all colours of an entry first.
    parts = [torch.eye(images).repeat(1, COLOURS), torch.eye(images).repeat_interleave(COLOURS, dim=1)][
        : min(images, 2)
    ]
    pairs = [(part, rest) for part in parts] + [(rest, part) for part in parts if len(rest)]
    return [torch.block_diag(*pair) for pair in pairs]


def _reduce(colour: nn.Module, gray: nn.Module, layouts: Layouts) -> None:
    """Set all tensors of `gray`: summed over colours where they read them, averaged where they write them."""
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


def _axis(network: nn.Module, name: str, which: int) -> int | None:
    """Return the dimension of a tensor that runs over its module's outputs (0) or inputs (1), None where none does."""
    path, _, kind = name.rpartition(".")
    axes = _AXES.get(type(network.get_submodule(path)))
    return axes[which] if axes and kind == "weight" else None


def _differing(colour: nn.Module, gray: nn.Module, which: int) -> list[str]:
    """Return the modules that write (0) or read (1) another number of channels in the two networks."""
    theirs, ours = colour.state_dict(), gray.state_dict()
    axes = {name: _axis(gray, name, which) for name in ours}
    found = [n for n, axis in axes.items() if axis is not None and theirs[n].shape[axis] != ours[n].shape[axis]]
    return [name.removesuffix(".weight") for name in found]


def _fold_input(colour: nn.Module, gray: nn.Module, layouts: Layouts, black: Tensor) -> list[str]:
    """Give biases of `gray` what the mean that `colour` subtracts amounts to; return the modules that saw it."""
    shifted, writers = [], _differing(colour, gray, 0)
    for path in _differing(colour, gray, 1):
        theirs, ours = _input(colour, path, black.expand(-1, COLOURS, -1, -1)), _input(gray, path, black)
        matrix = layouts[len(theirs), len(ours)]
        of_colours = (matrix.sum(dim=1) > 1).float()
        mean = (theirs - ours @ matrix) * (of_colours @ matrix)
        if mean.abs().max() > ROUNDING:
            change = _response(colour.get_submodule(path), mean)
            if path in writers:
                matrix = next(m for (many, _), m in layouts.items() if many == len(change))
                change = matrix @ change / matrix.sum(dim=1)
            shifted += [path, *_absorb(gray, path, change, black)]
    return shifted


def _input(network: nn.Module, path: str, image: Tensor) -> Tensor:
    """Return the input of the module at `path`, one value a channel: of a uniform image, in its middle."""
    seen: list[Tensor] = []
    with network.get_submodule(path).register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0])):
        network(image)
    return seen[0][0, :, seen[0].shape[2] // 2, seen[0].shape[3] // 2]


def _response(layer: nn.Module, values: Tensor) -> Tensor:
    """Return how much the output of a linear layer changes when its input changes by `values`, one a channel."""
    side = 33  # the kernel of no layer reaches the border from the middle of this
    image = values.view(1, -1, 1, 1).expand(-1, -1, side, side)
    change = cast(Tensor, layer(image) - layer(torch.zeros_like(image)))
    return change[0, :, change.shape[2] // 2, change.shape[3] // 2]


def _absorb(gray: nn.Module, path: str, change: Tensor, black: Tensor) -> list[str]:
    """Add `change` to the output of the module at `path`, in its bias or else in the layer's that reads it alone."""
    layer = gray.get_submodule(path)
    if layer.bias is not None:
        cast(nn.Parameter, layer.bias).add_(change)
        return []
    outputs: list[Tensor] = []
    readers: list[str] = []

    def note(reader: str) -> Callable[..., None]:
        return lambda _, inputs: readers.append(reader) if outputs and inputs[0] is outputs[0] else None

    layers = [(n, m) for n, m in gray.named_modules() if isinstance(m, nn.Conv2d)]
    handles = [m.register_forward_pre_hook(note(n)) for n, m in layers]
    handles.append(layer.register_forward_hook(lambda _, __, output: outputs.append(output)))
    gray(black)
    for handle in handles:
        handle.remove()
    if len(readers) != 1:
        raise InputError(
            f"The colour mean that is subtracted first can't be moved into this network: '{path}' has no bias."
        )
    return [readers[0], *_absorb(gray, readers[0], _response(gray.get_submodule(readers[0]), change), black)]


def _fold_output(colour: nn.Module, gray: nn.Module, black: Tensor) -> None:
    """Give a bias of `gray` what the mean that `colour` adds amounts to."""
    writers = _differing(colour, gray, 0)
    silent = copy.deepcopy(gray)
    muted = copy.deepcopy(colour)
    for path in writers:
        for network in (silent, muted):
            for parameter in network.get_submodule(path).parameters():
                parameter.zero_()
    before = _middle(silent(black))
    offset = _middle(InGray(muted)(black)) - before
    if abs(offset) < ROUNDING:
        return
    biased = [path for path in writers if gray.get_submodule(path).bias is not None]
    if not biased:
        raise InputError("The colour mean that is added last can't be moved into this network: nothing has a bias.")
    cast(nn.Parameter, silent.get_submodule(biased[-1]).bias).fill_(1)
    cast(nn.Parameter, gray.get_submodule(biased[-1]).bias).add_(offset / (_middle(silent(black)) - before))


def _middle(image: Tensor) -> float:
    return image[0, 0, image.shape[2] // 2, image.shape[3] // 2].item()


def _periodic(network: nn.Module, paths: list[str]) -> nn.Module:
    """Return a copy whose convolutions at `paths` see the image continued periodically instead of by zeros."""
    network = copy.deepcopy(network)
    for path in paths:
        layer = network.get_submodule(path)
        if isinstance(layer, nn.Conv2d) and layer.padding_mode == "zeros":
            layer.padding_mode = "circular"
    return network


def _training_form(network: nn.Module, colour: nn.Module, gray: nn.Module, form: Architecture) -> nn.Module:
    """Return the network of `form` with the weights of `gray`, its inference form; unchanged blocks keep branches."""
    trained = form.build().eval()
    state, before = gray.state_dict(), colour.state_dict()
    for path, block in network.named_modules():
        merged = [f"{path}.weight", f"{path}.bias"]
        if isinstance(block, Collapsible) and all(torch.equal(state[name], before[name]) for name in merged):
            state = {name: tensor for name, tensor in state.items() if name not in merged}
            state |= {f"{path}.{name}": tensor for name, tensor in block.state_dict().items()}
    found = fit(state, trained)
    if found.faults:
        raise InputError(f"The one-channel form can't be trained further: {found.describe()}.")
    load(found, trained)
    return trained
