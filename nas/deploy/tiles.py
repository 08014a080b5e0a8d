"""Upscaling of images of any size: in tiles if a network gives the same result in tiles, else as a whole."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, product

import torch
from torch import Tensor, nn

from nas.deploy.locality import GRIDS, Locality, find_locality, on_grid
from nas.errors import InputError, RunError
from nas.progress import Progress, Ticker

TILE = 256
"""Height and width of a tile in LR pixels, without its overlap, where nothing else is said."""

_TOGETHER = {"cpu": 128**2, "cuda": 1024**2}
"""LR pixels up to which tiles are computed as a batch: small tiles alone don't fill a device (docs/images.md)."""


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
    tick = Ticker(progress, len(rows) * len(columns))
    for tiles in _batches(list(product(rows, columns)), torch.device(device)):
        _upscale_tiles(network, image, result, scale, tiles, torch.device(device))
        for _ in tiles:
            tick()
    return result


Tile = tuple[Span, Span]
"""Rows and columns of a tile."""


def _batches(tiles: Sequence[Tile], device: torch.device) -> Iterator[list[Tile]]:
    """Yield all tiles, in batches of the same size: as many as fill the device."""
    by_size = sorted(tiles, key=_size)
    for (height, width), same in groupby(by_size, key=_size):
        waiting = list(same)
        count = max(1, _TOGETHER.get(device.type, 0) // (height * width))
        yield from (waiting[start : start + count] for start in range(0, len(waiting), count))


def _size(tile: Tile) -> tuple[int, int]:
    """Return height and width of what the network reads."""
    rows, columns = tile
    return rows.read_stop - rows.read_start, columns.read_stop - columns.read_start


def _upscale_tiles(
    network: nn.Module, image: Tensor, result: Tensor, scale: int, tiles: Sequence[Tile], device: torch.device
) -> None:
    """Upscale tiles of one size of `image`, as a batch, and write them into `result`."""
    parts = torch.cat([image[..., r.read_start : r.read_stop, c.read_start : c.read_stop] for r, c in tiles])
    try:
        # TF32, the default of convolutions on newer GPUs, has 10 bits of precision: too few for 16-bit images.
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            output = network(parts.to(device, torch.float32))
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
            height, width = parts.shape[-2:]
            advice = "" if parts.shape == image.shape else "; give a smaller --tile"
            raise RunError(f"The memory does not suffice for {width}x{height} pixels at once{advice}.") from None
        raise
    for number, (rows, columns) in enumerate(tiles):
        inner = output[number : number + 1, :, _kept(rows, scale), _kept(columns, scale)]
        result[..., _target(rows, scale), _target(columns, scale)] = inner.float().cpu()


def _kept(span: Span, scale: int) -> slice:
    return slice(scale * (span.keep_start - span.read_start), scale * (span.keep_stop - span.read_start))


def _target(span: Span, scale: int) -> slice:
    return slice(scale * span.keep_start, scale * span.keep_stop)
