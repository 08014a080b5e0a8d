"""The one-channel form of a network for colour images: it returns the mean colour of that network's output.

Kernels that read the image are summed over its colours, and kernels that write it are averaged. A colour mean that the
authors subtract first and add last goes into the biases of these convolutions.
"""

import copy
import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas.convert.checkpoint import fit, load
from nas.convert.colour_layouts import layouts_of, reduce_colours
from nas.convert.colour_mean import move_added_mean, move_subtracted_mean
from nas.convert.in_gray import COLOURS, InGray
from nas.errors import InputError
from search_spaces import SPACES, Architecture
from search_spaces.layers.collapsible import Collapsible
from search_spaces.layers.fused import fused

TOLERANCE = 1e-4
"""A smaller difference is rounding. Deep networks have 2e-5; a wrong layout of colours makes about 0.1."""


@dataclass(frozen=True)
class Gray:
    """The one-channel form of a colour network."""

    architecture: Architecture
    network: nn.Module
    exact: bool
    """Whether the output is the mean of the colour network's output everywhere.

    It can't be where the colour network pads an image without its mean with zeros. Beyond the border the colour network
    then sees the mean, and this network sees black.
    """
    difference: float
    """The largest difference from that mean on two test images, relative to the largest output (at least 1)."""


@torch.no_grad()
def to_gray(network: nn.Module, architecture: Architecture) -> Gray:
    """Return the one-channel network whose output for g is the mean colour of the output of `network` for (g, g, g).

    Raises InputError if there is no such network: `network` has one channel already, its space has no one-channel
    networks, a nonlinearity mixes colours, or no bias can take a colour mean. (A network that amplifies rounding errors
    to visible size is refused, too: it looks like one that mixes colours.)
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
    """Give `gray` the weights with which its output is the mean colour of the output of `colour` on `images`."""
    black = torch.zeros_like(images[:1])
    nearest, reasons = math.inf, []
    for layouts in layouts_of(colour, gray):
        reduce_colours(colour, gray, layouts)
        try:
            shifted = move_subtracted_mean(colour, gray, layouts, black)
            move_added_mean(colour, gray, black)
        except InputError as error:
            reasons.append(error)
            continue
        # A periodic image is not padded with zeros, so on it the two networks must agree.
        nearest = min(nearest, _difference(_periodic(colour, shifted), _periodic(gray, shifted), images))
        if nearest <= TOLERANCE:
            return
    if nearest == math.inf and reasons:
        raise reasons[0]
    raise InputError(
        "This network has no one-channel form, because it mixes colours in nonlinearities. The nearest network would "
        f"differ by {nearest:.2g} of the output range."
    )


def _images(minimum: int) -> Tensor:
    """Return a white image and a random smooth image, [2, 1, H, W]. Some networks explode on white noise."""
    sides = max(32, minimum), max(40, minimum)
    coarse = torch.rand(1, 1, 5, 6, generator=torch.Generator().manual_seed(0))
    smooth = F.interpolate(coarse, sides, mode="bicubic", align_corners=True).clamp(0, 1)
    return torch.cat([torch.ones_like(smooth), smooth])


def _difference(colour: nn.Module, gray: nn.Module, images: Tensor) -> float:
    expected = InGray(colour)(images)
    difference = (gray(images) - expected).abs().max() / expected.abs().max().clamp(min=1)
    return float(difference.nan_to_num(nan=math.inf))


def _periodic(network: nn.Module, paths: list[str]) -> nn.Module:
    """Return a copy whose convolutions at `paths` continue the image periodically instead of with zeros."""
    network = copy.deepcopy(network)
    for path in paths:
        layer = network.get_submodule(path)
        if isinstance(layer, nn.Conv2d) and layer.padding_mode == "zeros":
            layer.padding_mode = "circular"
    return network


def _training_form(network: nn.Module, colour: nn.Module, gray: nn.Module, form: Architecture) -> nn.Module:
    """Return the network of `form` in its training form, with the weights of `gray`, which is its inference form.

    Blocks whose merged weights did not change keep their branches.
    """
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
