"""The size of tiles that is fast on a device and fits into its free memory."""

from functools import cached_property

import torch
from torch import nn

from nas.cost import cost
from nas.deploy.locality import Locality, on_grid
from nas.deploy.memory import free_memory, peak_of
from nas.errors import RunError
from search_spaces import Architecture

FASTEST = {"cpu": 256, "cuda": 1024}
"""Side in LR pixels from which larger tiles are not faster: activations leave a CPU's caches; a GPU is filled."""

_HALVINGS = 8
"""How often the range of sizes is halved to find the largest size that fits."""

_SLACK = 1.25
"""Needed memory, as a multiple of the counted activations: convolutions need more (measured: 0.98 to 1.27)."""

_SHARE = 0.5
"""Share of the free memory that tiles may take: other programs need memory, too."""

_PLENTY = 4
"""If this multiple of the counted memory fits, the memory isn't measured, which takes the time of a small tile."""

_PROBE = 128
"""Side in LR pixels of the tile on which the memory is measured."""

_RESULT_BYTES = 8
"""Bytes of an HR pixel that the whole result takes in main memory: float32, the same clipped, and integers."""


class Room:
    """The memory that a network needs on a device, against the memory that is free (`memory` bytes; None: asked)."""

    def __init__(
        self, architecture: Architecture, network: nn.Module, device: torch.device | str, memory: int | None
    ) -> None:
        self._architecture, self._network, self._device = architecture, network, torch.device(device)
        self._memory = memory

    @property
    def free(self) -> int | None:
        """The free bytes of the device; None if they are unknown."""
        return free_memory(self._device) if self._memory is None else self._memory

    def largest_whole(self, height: int, width: int) -> int | None:
        """Return the side of a tile that covers an image, if that is fast and surely fits; else None."""
        side, free = max(height, width), self.free
        if side > FASTEST.get(self._device.type, FASTEST["cpu"]):
            return None
        return side if free is None or _PLENTY * self.needed(height, width) <= free else None

    def tile(self, height: int, width: int, locality: Locality, name: str) -> int:
        """Return the side of the largest tile that is fast and fits, its overlap included.

        Raises RunError if not even the smallest tile fits, or if the result doesn't fit into the main memory.
        """
        most, free = FASTEST.get(self._device.type, FASTEST["cpu"]), self.free
        if free is None:
            return most
        overlap, grid = on_grid(locality.radius, locality.grid), locality.grid
        least = max(grid, 2 * overlap)
        free -= self._require_result(height, width, name) if self._device.type == "cpu" else 0
        full = min(most + 2 * overlap, height), min(most + 2 * overlap, width)
        if _PLENTY * self.needed(*full) <= free:
            return most
        side = int((_SHARE * free / self._bytes_of_a_pixel) ** 0.5) - 2 * overlap
        if side < least and self._bytes_of_a_pixel * min(least + 2 * overlap, height, width) ** 2 > free:
            needed = self._bytes_of_a_pixel * (least + 2 * overlap) ** 2
            raise RunError(
                f"{name}: the smallest tile of this network, {least} pixels with {overlap} around it, takes about "
                f"{needed / 2**20:.0f} MiB, but {max(0, free) / 2**20:.0f} MiB are free; close other programs."
            )
        return min(most, max(least, side // grid * grid))

    @cached_property
    def _bytes_of_a_pixel(self) -> float:
        """Bytes that the network takes for an LR pixel: measured, and at least the counted activations."""
        counted = self.needed(_PROBE, _PROBE) / _PROBE**2
        probe = torch.zeros(1, 1, _PROBE, _PROBE)
        with torch.no_grad():
            network = self._network.to(self._device)
            network(probe.to(self._device))  # the first call loads kernels, which stay
            measured = peak_of(lambda: network(probe.to(self._device)), self._device)
        return max(counted, (measured or 0) / _PROBE**2)

    def _require_result(self, height: int, width: int, name: str) -> int:
        """Return the bytes of the whole result. Raises RunError if they don't fit."""
        free, needed = self.free, _RESULT_BYTES * height * width * self._architecture.scale**2
        if free is not None and self._memory is None and needed > free:
            raise RunError(
                f"{name} has {width}x{height} pixels; the upscaled image takes about {needed / 2**30:.1f} GiB, but "
                f"{free / 2**30:.1f} GiB are free; crop the image."
            )
        return needed if self._memory is None else 0

    def require_whole(self, height: int, width: int, name: str) -> None:
        """Raise RunError, with a size that fits, if the whole image doesn't fit into the memory."""
        free, needed = self.free, self.needed(height, width)
        if free is None or needed <= free:
            return
        least, most = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = (least + most) / 2
            fits = self.needed(max(1, int(middle * height)), max(1, int(middle * width))) <= free
            least, most = (middle, most) if fits else (least, middle)
        raise RunError(
            f"{name} has {width}x{height} pixels, which this network can't compute in tiles without a seam; the whole "
            f"image takes about {needed / 2**30:.1f} GiB, but {free / 2**30:.1f} GiB are free, enough for about "
            f"{int(least * width)}x{int(least * height)} pixels."
        )

    def needed(self, height: int, width: int) -> int:
        """Return the bytes needed for the whole image by counting: input, activations and result."""
        scale = self._architecture.scale
        size = scale * width, scale * height
        return int(_SLACK * cost(self._architecture, size).peak_memory) + 4 * height * width * (1 + scale**2)
