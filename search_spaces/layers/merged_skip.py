"""The inference form of an image skip: convolutions, and one pixel shuffle where the network ends with one."""

import copy
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from search_spaces.layers.fused import fused
from search_spaces.layers.interpolation import Interpolation

_SIDE = 67
"""Side of the image by which the end of a network is found: enough for every network, and odd, so that none omits a
crop."""


class MergedSkip(nn.Module):
    """interpolated(x) + factor · (sum of networks)(x - centre), as `ImageSkip` computes it in training.

    The factor is multiplied into the convolution that writes the output of a network. If all networks end with the
    pixel shuffle that the interpolation needs, everything is added before one shuffle.
    """

    def __init__(
        self, networks: Iterable[nn.Module], channels: int, interpolation: Interpolation, centre: float, factor: float
    ) -> None:
        """`networks` map [N, channels, H, W] → [N, channels, scale·H, scale·W], as `interpolation` does."""
        super().__init__()
        self.centre, self.factors = centre, list[float]()
        self.networks = nn.ModuleList()
        ends = []
        for network in map(fused, networks):
            end = find_end(network, channels)
            if end.writer is not None:
                _multiply(network.get_submodule(end.writer), factor)
            self.networks.append(network)
            self.factors.append(factor if end.writer is None else 1.0)
            ends.append(end)
        enlarging = interpolation.fuse()
        self.skip: nn.Module = enlarging
        self.shuffle: nn.Module = nn.Identity()
        if all(end.shuffle is not None and end.factor == interpolation.scale for end in ends):
            for network, end in zip(self.networks, ends, strict=True):
                assert end.shuffle is not None
                network.set_submodule(end.shuffle, nn.Identity())
            self.skip, self.shuffle = enlarging[0], enlarging[1]

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        centred = image + -self.centre  # compilers of chips know the operator Add
        output = self.skip(image)
        for network, factor in zip(self.networks, self.factors, strict=True):
            learned = network(centred)
            output = output + (learned if factor == 1.0 else factor * learned)
        return self.shuffle(output)


@dataclass(frozen=True)
class End:
    """How a network ends."""

    writer: str | None = None
    """The name of the convolution whose output is the network's, perhaps shuffled or cropped; None if there is none."""
    shuffle: str | None = None
    """The name of the pixel shuffle between the writer and the output; None if there is none, or something behind."""
    factor: int = 1
    """The factor of the shuffle."""


@dataclass(frozen=True)
class _Call:
    name: str
    module: nn.Module
    given: Tensor
    returned: Tensor


@torch.no_grad()
def find_end(network: nn.Module, channels: int) -> End:
    """Find the last convolution of a network by following its output back, on an image without values."""
    network = copy.deepcopy(network).to("meta").eval()
    calls: list[_Call] = []
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.PixelShuffle):
            module.register_forward_hook(lambda m, given, out, name=name: calls.append(_Call(name, m, given[0], out)))
    output = network(torch.empty(1, channels, _SIDE, _SIDE, device="meta"))
    whole = output if output._base is None else output._base  # a crop is a view
    call = _which_returned(whole, calls)
    shuffle, factor = None, 1
    if call is not None and isinstance(call.module, nn.PixelShuffle):
        shuffle, factor = call.name if output is whole else None, call.module.upscale_factor
        call = _which_returned(call.given, calls)
    if call is None or isinstance(call.module, nn.PixelShuffle):
        return End()
    return End(call.name, shuffle, factor)


def _which_returned(tensor: Tensor, calls: list[_Call]) -> _Call | None:
    """Return the call that made a tensor, if its module was called once only: else it could not be changed."""
    for call in calls:
        if call.returned is tensor and sum(other.module is call.module for other in calls) == 1:
            return call
    return None


@torch.no_grad()
def _multiply(layer: nn.Module, factor: float) -> None:
    for parameter in layer.parameters():
        parameter.mul_(factor)
