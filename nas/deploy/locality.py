"""How far an output pixel of a network depends on the image, and whether tiles of the image give the same pixels."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nas.data.synthetic import scene

GRIDS = (16, 24, 48, 96)
"""Grids on which an image may be cut, in LR pixels. Strides and attention windows fit at least one of them."""

LEAST_RADIUS = 2
"""The radius of bicubic interpolation, in LR pixels."""

EXACT = 1e-9
"""A smaller difference in float64, relative to the largest output, is rounding. 65,535 counts need 1e-5."""

REDRAWN = 0.3, 1.0
"""Bounds of the root mean square of redrawn weights, multiplied by the root of the number of inputs of an output."""

_STRIP = 16, 512
"""Height and approximate length of the image on which the radius is measured, in LR pixels."""

_PROBE_HEIGHT = 33
"""Height of the image that is cut, in LR pixels: odd, and large enough for a scene."""


@dataclass(frozen=True)
class Locality:
    """How a network may be computed in tiles.

    Its output doesn't depend on pixels further away than `radius`, nor on cuts at multiples of `grid`.
    """

    grid: int
    """In LR pixels."""
    radius: int
    """In LR pixels, beyond the edge of a cell of the grid."""


@torch.no_grad()
def find_locality(
    network: nn.Module, scale: int, channels: int = 1, device: torch.device | str = "cpu"
) -> Locality | None:
    """Return how a network may be computed in tiles; None if only the whole image gives the right result.

    The check computes: an image is cut at a side, after the first cell of the grid or within the last cell. The rest
    must give the same result as in the whole image, everywhere beyond the radius from the cut. Any tile results from
    such cuts, one after the other. Odd sizes reveal layers that adapt to the size of the image (pooling to a number of
    cells, interpolation to a size). The opposite border reveals a roll without a mask.

    The check uses float64, so that a branch with tiny weights shows. It is repeated with all weights redrawn, so that
    no weight is tiny or zero and no gate stays closed. So the result holds for the structure and for any image.
    """
    network = copy.deepcopy(network).eval()
    exact = copy.deepcopy(network).to("cpu" if torch.device(device).type == "mps" else device, torch.float64)
    forms = exact, redrawn(exact)

    def locality(grid: int) -> Locality | None:
        radius = receptive_radius(network, scale, channels, grid)
        found = None if radius is None else Locality(grid, radius)
        return found if found and _cuts_agree(forms, found, scale, channels) else None

    finest, *between, coarsest = GRIDS
    found = locality(finest)
    if found:
        return found
    # Each grid divides the coarsest grid. So if the coarsest grid fails, the grids between fail, too.
    coarse = locality(coarsest)
    if coarse is None:
        return None
    for grid in between:
        found = locality(grid)
        if found:
            return found
    return coarse


def _cuts_agree(forms: Sequence[nn.Module], locality: Locality, scale: int, channels: int) -> bool:
    """Tell whether cuts change nothing in all forms of the network: with its own weights and with redrawn weights."""
    for seed, form in enumerate(forms):
        for across in (True, False):
            rest = (5, locality.grid - 3)[(seed + across) % 2]
            probe = _probe(locality, rest, channels, seed)
            if not _agrees(form, locality, scale, probe, rest, across=across):
                return False
    return True


def redrawn(network: nn.Module) -> nn.Module:
    """Return a copy with random weights. Each tensor keeps its root mean square, limited to `REDRAWN`."""
    network, generator = copy.deepcopy(network), torch.Generator().manual_seed(1)
    for parameter in network.parameters():
        inputs = max(1, parameter[0].numel()) if parameter.dim() > 1 else 1
        least, most = (bound / inputs**0.5 for bound in REDRAWN)
        size = min(max(float(parameter.detach().square().mean().sqrt()), least), most)
        drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        parameter.data = (size * drawn).to(parameter)
    return network


def _probe(locality: Locality, rest: int, channels: int, seed: int) -> Tensor:
    """Return a textured image [1, C, H, W] in 0..1, long enough for cuts at both ends. Both sides are odd."""
    length = 2 * (on_grid(locality.radius, locality.grid) + locality.grid) + rest
    generator = torch.Generator().manual_seed(seed)
    images = [torch.from_numpy(scene(seed + channel, _PROBE_HEIGHT, length)) / 255 for channel in range(channels)]
    noise = torch.rand(channels, _PROBE_HEIGHT, length, generator=generator, dtype=torch.float64)
    return (0.8 * torch.stack(images).double() + 0.2 * noise)[None]


def _agrees(network: nn.Module, locality: Locality, scale: int, probe: Tensor, rest: int, *, across: bool) -> bool:
    """Tell whether a cut after the first cell, and a cut of the last `rest` pixels, change nothing."""
    grid, radius, stop = locality.grid, locality.radius, probe.shape[-1] - rest
    try:
        whole = _run(network, probe, across)
        result = _run(network, probe[..., grid:], across)
        if not _same(whole[..., scale * (grid + radius) :], result[..., scale * radius :], whole):
            return False
        result = _run(network, probe[..., :stop], across)
        kept = scale * (stop - radius)
        return _same(whole[..., :kept], result[..., :kept], whole)
    except RuntimeError:  # a network that can't be computed in float64 can't be checked
        return False


def _run(network: nn.Module, probe: Tensor, across: bool) -> Tensor:
    """Return the network's output for the probe, or (not `across`) for its transpose, transposed back."""
    device = next((parameter.device for parameter in network.parameters()), torch.device("cpu"))
    probe = probe.to(device)
    output: Tensor = network(probe if across else probe.mT)
    return output if across else output.mT


def _same(result: Tensor, expected: Tensor, whole: Tensor) -> bool:
    return bool((result - expected).abs().max() <= EXACT * whole.abs().max())


@torch.no_grad()
def receptive_radius(network: nn.Module, scale: int, channels: int = 1, grid: int = GRIDS[0]) -> int | None:
    """Return how far, in LR pixels, an output pixel may depend on the input; None if on the whole image.

    It is measured, so it holds for any layers, also for functional ones and attention. A block of NaN, `grid` pixels
    wide, spreads over exactly the output pixels that depend on it, for any weights (0 · NaN = NaN). The result is at
    least 2, the radius of bicubic interpolation. None is also returned above about 248 pixels.
    """
    network = copy.deepcopy(network).cpu().float().eval()
    reaches = [_reach(network, scale, channels, grid, across=across) for across in (True, False)]
    known = [reach for reach in reaches if reach is not None]
    return max(LEAST_RADIUS, *known) if len(known) == len(reaches) else None


def _reach(network: nn.Module, scale: int, channels: int, grid: int, *, across: bool) -> int | None:
    """Return how far a block of NaN spreads along an axis of a long, thin image; None if it reaches the border."""
    length = on_grid(_STRIP[1], grid)
    image = torch.zeros(1, channels, _STRIP[0], length)
    start = on_grid(length // 2 - grid, grid)
    stop = start + grid
    image[..., start:stop] = torch.nan
    output = network(image if across else image.mT)
    touched = (output if across else output.mT).isnan().any(dim=-2).flatten(0, 1).any(dim=0).nonzero()
    if len(touched) == 0:
        return 0
    first, last = int(touched[0]) // scale, int(touched[-1]) // scale
    return None if first == 0 or last == length - 1 else max(start - first, last - stop + 1)


def on_grid(size: int, grid: int) -> int:
    """Return `size` rounded up to a multiple of `grid`."""
    return -(-size // grid) * grid
