"""Random training patches, gathered for a whole batch at once on the training device."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from nas.data.fresh_patches import FreshPatches
from nas.data.image_set import ImageSet
from nas.data.levels import Levels
from nas.data.store import Store
from nas.errors import InputError


class PatchSampler:
    """Draws aligned LR and HR patches from a set. `patch` is the height and width of an LR patch in pixels.

    Every position of a patch in the set is equally likely, so a large image is drawn more often than a small image. The
    pixels move to the device once if they fit into half of its free memory; otherwise patches are gathered on the CPU.
    LR patches are cut from the LR images, or with `images.afresh` made from the HR patches at each draw. Raises
    InputError if an image is smaller than the patch.
    """

    def __init__(self, images: ImageSet, patch: int, device: torch.device | str) -> None:
        self._patch, self._scale, self._device = patch, images.scale, torch.device(device)
        for image in images.lr.images:
            if min(image.height, image.width) < patch:
                raise InputError(
                    f"{image.name} has {image.width} x {image.height} LR pixels, too few for patches of {patch}."
                )
        rows = torch.tensor([image.height - patch + 1 for image in images.lr.images])
        self._columns = torch.tensor([image.width - patch + 1 for image in images.lr.images])
        self._ends = (rows * self._columns).cumsum(0)
        self._starts = self._ends - rows * self._columns
        levels = [images.levels(index) for index in range(len(images))]
        self._low = _Gatherer(images.lr, levels, self._device)
        self._high = _Gatherer(images.hr, levels, self._device)
        self._fresh = FreshPatches(images, images.afresh, patch) if images.afresh else None

    def sample(self, batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return LR [batch, 1, p, p] and HR [batch, 1, s p, s p], float32 values by each image's levels, on the device.

        Both patches get the same of the eight flips and rotations. `generator` is a CPU generator, so the draws are the
        same for all devices, and its state can be saved in a checkpoint.
        """
        drawn = self.draw(batch, generator)
        if self._fresh:
            image, y, x, orientation = drawn
            lr, hr = self._fresh.sample(self._cut_high, image, y, x, orientation, generator)
        else:
            lr, hr = self.gather(drawn)
        return self._on_device(lr), self._on_device(hr)

    def _on_device(self, patches: Tensor) -> Tensor:
        if self._device.type == "cuda" and patches.device.type == "cpu":
            patches = patches.pin_memory()  # a copy from other memory would make the host wait
        return patches.to(self._device, non_blocking=True)

    @property
    def is_resident(self) -> bool:
        """Whether all pixels are on the device, so that `gather` makes patches there without the host."""
        return self._fresh is None and self._low.device.type == self._high.device.type == self._device.type

    def draw(self, batch: int, generator: torch.Generator) -> Tensor:
        """Draw the places of a batch: int64 [4, batch] on the CPU, with the rows image, y, x and orientation."""
        place = torch.randint(int(self._ends[-1]), (batch,), generator=generator)
        orientation = torch.randint(8, (batch,), generator=generator)
        image = torch.searchsorted(self._ends, place, right=True)
        y = (place - self._starts[image]) // self._columns[image]
        x = (place - self._starts[image]) % self._columns[image]
        return torch.stack([image, y, x, orientation])

    def gather(self, drawn: Tensor) -> tuple[Tensor, Tensor]:
        """Return LR and HR patches like `sample` for drawn places, on the device that holds the pixels."""
        s = self._scale
        image, y, x, orientation = drawn.to(self._low.device)
        lr = self._low.gather(image, y, x, self._patch, orientation)
        image, y, x, orientation = drawn.to(self._high.device)
        hr = self._high.gather(image, s * y, s * x, s * self._patch, orientation)
        return lr, hr

    def _cut_high(self, image: Tensor, y: Tensor, x: Tensor, side: int, orientation: Tensor) -> Tensor:
        image, y, x, orientation = torch.stack([image, y, x, orientation]).to(self._high.device, non_blocking=True)
        return self._high.gather(image, y, x, side, orientation)


class _Gatherer:
    """Holds the pixels of a store, on the device if they fit, and gathers batches of patches from them."""

    def __init__(self, store: Store, levels: Sequence[Levels], device: torch.device) -> None:
        self._is_wide = store.dtype == "uint16"
        # torch can't index uint16. int16 has the same bits, and the sign is removed after gathering.
        flat = torch.from_numpy(store.flat.view(np.int16) if self._is_wide else store.flat)
        self._flat = flat.to(device) if _fits(flat, device) else flat
        self.device = self._flat.device
        self._offsets = torch.tensor([image.offset for image in store.images], device=self.device)
        self._widths = torch.tensor([image.width for image in store.images], device=self.device)
        lows = [of_image.low for of_image in levels]
        self._lows = torch.tensor(lows, dtype=torch.float32, device=self.device)
        spans = [of_image.high - of_image.low for of_image in levels]
        self._spans = torch.tensor(spans, dtype=torch.float32, device=self.device)

    def gather(self, image: Tensor, y: Tensor, x: Tensor, side: int, orientation: Tensor) -> Tensor:
        """Return turned patches with upper left corners (y, x) in the images: float32 values [N, 1, side, side]."""
        width = self._widths[image]
        start, row_step, column_step = _steps(self._offsets[image] + y * width + x, width, side, orientation)
        table = torch.stack([start, row_step, column_step])
        start, row_step, column_step = table[:, :, None, None]
        along = torch.arange(side, device=self.device)
        values = torch.take(self._flat, start + row_step * along[:, None] + column_step * along)
        if self._is_wide:
            values = values.int() & 0xFFFF
        patches: Tensor = (values.float() - self._lows[image][:, None, None]) / self._spans[image][:, None, None]
        return patches[:, None]


def _steps(corner: Tensor, width: Tensor, side: int, orientation: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the first pixel of a turned patch in the flat file, and the steps between its rows and its columns.

    Bit 0 of `orientation` mirrors the rows, bit 1 mirrors the columns, and bit 2 then transposes. These are the eight
    flips and rotations.
    """
    flip_rows, flip_columns, transpose = ((orientation >> bit) & 1 for bit in range(3))
    start = corner + (side - 1) * (flip_rows * width + flip_columns)
    down, right = width * (1 - 2 * flip_rows), 1 - 2 * flip_columns
    turned = transpose.bool()
    return start, torch.where(turned, right, down), torch.where(turned, down, right)


def _fits(flat: Tensor, device: torch.device) -> bool:
    return device.type != "cuda" or flat.nbytes <= torch.cuda.mem_get_info(device)[0] // 2
