"""A model that upscales images of files: one channel, integers in and out."""

import copy
import time
import warnings
from functools import cached_property

import torch

from nas.data.images import Pixels
from nas.data.levels import Levels
from nas.data.normalisation import FURTHEST, Normalisation
from nas.deploy.locality import Locality, find_locality
from nas.deploy.tile_size import Room
from nas.deploy.tiles import upscale
from nas.errors import InputError
from nas.model import Model
from nas.progress import Progress
from search_spaces import SPACES
from search_spaces.layers.fused import fused


class Upscaler:
    """Upscales images of files with a model: one channel, integers in and out, in tiles as `upscale` does.

    `tile` is the side of a tile in LR pixels; None: chosen for the device and its free memory. `memory` is the maximum
    number of bytes; None: the free memory. Raises InputError for a model of several channels.
    """

    def __init__(
        self,
        model: Model,
        *,
        tile: int | None = None,
        overlap: int | None = None,
        memory: int | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self._architecture = model.architecture
        if model.architecture.channels != 1:
            raise InputError(f"Images have one channel, but the model takes {self._architecture.channels}.")
        self._normalisation, self._warned = Normalisation.stored(model.recipe), False
        self._network = fused(copy.deepcopy(model.network)).eval()
        self._tile, self._overlap, self._device = tile, overlap, device
        self._room = Room(model.architecture, self._network, device, memory)
        self.preparation = 0.0
        """Seconds for the check and the choice of tiles: they are needed once for all images."""

    @property
    def scale(self) -> int:
        """The scale of the model."""
        return self._architecture.scale

    @cached_property
    def locality(self) -> Locality | None:
        """How the network may be computed in tiles. It is checked once, for the first image larger than a tile."""
        began = time.perf_counter()
        found = find_locality(self._network, self._architecture.scale, device=self._device)
        self.preparation += time.perf_counter() - began
        return found

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
                self._room.require_whole(height, width, name)
            return self.locality

        result = upscale(
            self._network,
            image,
            self._architecture.scale,
            tile=self._tile or self._chosen_tile(height, width, name),
            overlap=self._overlap,
            locality=locality,
            device=self._device,
            progress=progress,
        )
        return levels.integers(result[0, 0]).numpy().astype(pixels.dtype)

    def _chosen_tile(self, height: int, width: int, name: str) -> int:
        """Return the side of a tile for an image. It is at least the image's side if the image fits as a whole."""
        began, before = time.perf_counter(), self.preparation
        tile = self._room.largest_whole(height, width)
        if tile is None and self.locality is not None:
            tile = self._room.tile(height, width, self.locality, name)
        self.preparation = before + time.perf_counter() - began
        return tile or 1  # for a network without tiles: `locality` tells whether the whole image fits

    def _warn_of_misfit(self, image: torch.Tensor, levels: Levels, name: str) -> None:
        """Warn once of an image whose levels are far from those of the training."""
        middle = float(image.median())
        if not self._warned and not -FURTHEST <= middle <= 1 + FURTHEST:
            self._warned = True
            warnings.warn(
                f"{name} lies around the level {levels.integers(image.median()):.0f}, but the model was trained on "
                f"{levels.low:g} to {levels.high:g}",
                stacklevel=4,
            )
