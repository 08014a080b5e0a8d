"""Upscaling of images of any size: in tiles if a network gives the same result in tiles, else as a whole."""

import copy
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import torch
from torch import Tensor, nn

from nas.cost import cost
from nas.data.images import Pixels
from nas.data.levels import Levels
from nas.data.normalisation import FURTHEST, Normalisation
from nas.deploy.locality import GRIDS, Locality, find_locality, on_grid
from nas.deploy.memory import free_memory
from nas.errors import InputError, RunError
from nas.model import Model
from nas.progress import Progress
from search_spaces import SPACES
from search_spaces.layers.fused import fused

TILE = 256
"""Height and width of a tile in LR pixels, without its overlap."""

_HALVINGS = 8
"""How often the range of sizes is halved to find the largest size that fits."""

_SLACK = 1.25
"""Needed memory, as a multiple of the counted activations: convolutions need more (measured: 0.98 to 1.27)."""


@dataclass(frozen=True)
class Span:
    """A tile along an axis, in LR pixels: the range that the network reads, and the range whose result is kept."""

    read_start: int
    read_stop: int
    keep_start: int
    keep_stop: int


def spans(length: int, tile: int, overlap: int, grid: int = GRIDS[0]) -> list[Span]:
    """Divide `length` pixels into spans that keep `tile` pixels each, rounded up to a multiple of `grid`.

    Each span reads `overlap` more pixels on both sides, rounded up to a multiple of `grid`, but none beyond the image.
    So zero padding acts exactly where it does in the whole image. A tile is at least twice the overlap.
    """
    overlap = on_grid(overlap, grid)
    step = max(on_grid(tile, grid), 2 * overlap)
    starts = range(0, length, step)
    stops = [min(start + step, length) for start in starts]
    return [
        Span(max(0, start - overlap), min(length, stop + overlap), start, stop)
        for start, stop in zip(starts, stops, strict=True)
    ]


@torch.no_grad()
def upscale(
    network: nn.Module,
    image: Tensor,
    scale: int,
    *,
    tile: int | None = TILE,
    overlap: int | None = None,
    locality: Callable[[], Locality | None] | None = None,
    device: torch.device | str = "cpu",
    progress: Progress | None = None,
) -> Tensor:
    """Upscale an image with a network, in tiles if the image is larger than a tile.

    The result equals that of the whole image up to float32 rounding. The network is checked before the first tile. If
    it gives another result in tiles, the whole image is computed at once.

    Args:
        network: The network. It is moved to `device`, in evaluation mode.
        image: [1, C, H, W] as the network sees it.
        scale: The scale of the network.
        tile: Height and width of a tile in LR pixels, without overlap; bounds the memory. None: the whole image.
        overlap: Overlap of tiles in LR pixels, used without a check; None: found by the check.
        locality: Returns the result of an earlier check; None: `find_locality` is called.
        device: The device to compute on.
        progress: Called with (done, total) tiles.

    Returns:
        The output of the network, float32 [1, C, scale·H, scale·W] on the CPU.

    Raises:
        InputError: The tile is below 1, or the overlap negative.
        RunError: The memory does not suffice.
    """
    if tile is not None and tile < 1:
        raise InputError(f"A tile must be at least 1 LR pixel, not {tile}.")
    if overlap is not None and overlap < 0:
        raise InputError(f"An overlap must be at least 0 LR pixels, not {overlap}.")
    network = network.to(device).eval()
    height, width = image.shape[-2:]
    found = None
    if tile is not None and max(height, width) > tile:
        if overlap is not None:
            found = Locality(GRIDS[0], overlap)
        else:
            found = locality() if locality else find_locality(network, scale, image.shape[1], device)
    if tile is None or found is None:
        tile, found = max(height, width), Locality(1, 0)
    result = torch.empty(1, image.shape[1], scale * height, scale * width)
    rows, columns = (spans(length, tile, found.radius, found.grid) for length in (height, width))
    tiles = list(product(rows, columns))
    for done, (row, column) in enumerate(tiles, start=1):
        _upscale_tile(network, image, result, scale, row, column, torch.device(device))
        if progress is not None:
            progress(done, len(tiles))
    return result


def _upscale_tile(
    network: nn.Module, image: Tensor, result: Tensor, scale: int, rows: Span, columns: Span, device: torch.device
) -> None:
    """Upscale a tile of `image` and write it into `result`."""
    part = image[..., rows.read_start : rows.read_stop, columns.read_start : columns.read_stop]
    try:
        # TF32, the default of convolutions on newer GPUs, has 10 bits of precision: too few for 16-bit images.
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            output = network(part.to(device, torch.float32))
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
            height, width = part.shape[-2:]
            advice = "" if part.shape == image.shape else "; give a smaller --tile"
            raise RunError(f"The memory does not suffice for {width}x{height} pixels at once{advice}.") from None
        raise
    inner = output[..., _kept(rows, scale), _kept(columns, scale)]
    result[..., _target(rows, scale), _target(columns, scale)] = inner.float().cpu()


def _kept(span: Span, scale: int) -> slice:
    return slice(scale * (span.keep_start - span.read_start), scale * (span.keep_stop - span.read_start))


def _target(span: Span, scale: int) -> slice:
    return slice(scale * span.keep_start, scale * span.keep_stop)


class Upscaler:
    """Upscales images of files with a model: one channel, integers in and out, in tiles as `upscale` does.

    `memory` is the maximum number of bytes for a whole image; None: the free memory. Raises InputError for a model of
    several channels.
    """

    def __init__(
        self,
        model: Model,
        *,
        tile: int | None = TILE,
        overlap: int | None = None,
        memory: int | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self._architecture = model.architecture
        if model.architecture.channels != 1:
            raise InputError(f"Images have one channel, but the model takes {self._architecture.channels}.")
        self._normalisation, self._warned = Normalisation.stored(model.recipe), False
        self._network = fused(copy.deepcopy(model.network))
        self._tile, self._overlap, self._memory, self._device = tile, overlap, memory, device

    @cached_property
    def locality(self) -> Locality | None:
        """How the network may be computed in tiles. It is checked once, for the first image larger than a tile."""
        return find_locality(self._network, self._architecture.scale, device=self._device)

    def __call__(self, pixels: Pixels, *, name: str = "The image", progress: Progress | None = None) -> Pixels:
        """Upscale uint8 or uint16 [H, W] to [scale·H, scale·W] of the same type and the same levels.

        `name` is the name of the image in errors. Raises InputError for an image that is too small for the network;
        RunError if the memory does not suffice.
        """
        space, (height, width) = SPACES.get(self._architecture.space), pixels.shape
        if min(height, width) < space.minimum_side:
            raise InputError(
                f"{name} has {width}x{height} pixels, but a network of the space '{space.name}' needs at least "
                f"{space.minimum_side} a side."
            )
        levels = self._normalisation.levels(pixels)
        image = levels.tensor(pixels)
        self._warn_of_misfit(image, levels, name)

        def locality() -> Locality | None:
            if self.locality is None:
                self._require_memory(height, width, name)
            return self.locality

        result = upscale(
            self._network,
            image,
            self._architecture.scale,
            tile=self._tile,
            overlap=self._overlap,
            locality=locality,
            device=self._device,
            progress=progress,
        )
        return levels.integers(result[0, 0]).numpy().astype(pixels.dtype)

    def _require_memory(self, height: int, width: int, name: str) -> None:
        """Raise RunError, with a size that fits, if the whole image doesn't fit into the memory."""
        free = free_memory(self._device) if self._memory is None else self._memory
        needed = self._needed(height, width)
        if free is None or needed <= free:
            return
        least, most = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = (least + most) / 2
            fits = self._needed(max(1, int(middle * height)), max(1, int(middle * width))) <= free
            least, most = (middle, most) if fits else (least, middle)
        raise RunError(
            f"{name} has {width}x{height} pixels, which this network can't compute in tiles without a seam; the whole "
            f"image takes about {needed / 2**30:.1f} GiB, but {free / 2**30:.1f} GiB are free, enough for about "
            f"{int(least * width)}x{int(least * height)} pixels."
        )

    def _needed(self, height: int, width: int) -> int:
        """Return the bytes needed for the whole image: input, activations and result."""
        scale = self._architecture.scale
        size = scale * width, scale * height
        return int(_SLACK * cost(self._architecture, size).peak_memory) + 4 * height * width * (1 + scale**2)

    def _warn_of_misfit(self, image: Tensor, levels: Levels, name: str) -> None:
        """Warn once of an image whose levels are far from those of the training."""
        middle = float(image.median())
        if not self._warned and not -FURTHEST <= middle <= 1 + FURTHEST:
            self._warned = True
            warnings.warn(
                f"{name} lies around the level {levels.integers(image.median()):.0f}, but the model was trained on "
                f"{levels.low:g} to {levels.high:g}",
                stacklevel=4,
            )
