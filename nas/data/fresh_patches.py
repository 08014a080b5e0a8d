"""Training patches whose LR is made at each draw, by a random degradation of HR patches."""

from typing import Protocol

import torch
from torch import Tensor

from nas.data.degradation import Pipeline
from nas.data.image_set import ImageSet

MARGIN = 8
"""LR pixels around a patch that are degraded with the patch and then cut off, because a blur needs its surroundings.

With about the strongest blur of `bsrgan` (2.4 pixels of the image reduced to half the LR size), the outermost pixels of
a patch differ from those of the whole image by 0.4 grey levels on average; without a margin by 5.
"""


class Gather(Protocol):
    """Cuts squares out of HR images: float32 values [N, 1, side, side], turned by `orientation`."""

    def __call__(  # noqa: D102 - the class says it
        self, image: Tensor, y: Tensor, x: Tensor, side: int, orientation: Tensor
    ) -> Tensor: ...


class FreshPatches:
    """Degrades patches of the HR images of a set. Patches are turned first, so stripes of the camera stay upright.

    A patch is degraded with `MARGIN` pixels around it. At the border of its image there is no margin outside, and the
    margin is smaller if the smallest image of the set has no room. `patch` is the side of an LR patch in pixels.
    """

    def __init__(self, images: ImageSet, pipeline: Pipeline, patch: int) -> None:
        self._pipeline, self._patch, self._scale = pipeline, patch, images.scale
        self._heights = torch.tensor([image.height for image in images.lr.images])
        self._widths = torch.tensor([image.width for image in images.lr.images])
        self._window = min(patch + 2 * MARGIN, int(self._heights.min()), int(self._widths.min()))
        seen = [images.levels(index) for index in range(len(images))]
        used = [pipeline.levels(images.hr.pixels(index)) for index in range(len(images))]
        self._levels = torch.tensor(
            [(s.low, s.high - s.low, u.low, u.high - u.low, u.limit) for s, u in zip(seen, used, strict=True)]
        )

    def sample(
        self,
        gather: Gather,
        image: Tensor,
        y: Tensor,
        x: Tensor,
        orientation: Tensor,
        generator: torch.Generator,
    ) -> tuple[Tensor, Tensor]:
        """Return LR [N, 1, p, p] and HR [N, 1, s p, s p] with upper left LR pixels (y, x) in the images.

        LR holds the values of whole numbers, like a file. Everything random is drawn from `generator`, a CPU generator.
        Patches are computed on the device to which `gather` puts the pixels.
        """
        s, window, patch = self._scale, self._window, self._patch
        top, left = self._start(y, self._heights[image]), self._start(x, self._widths[image])
        high = gather(image, s * top, s * left, s * window, orientation)
        low = self._degraded(high, image, generator)
        rows, columns = _place(y - top, x - left, window - patch, orientation)
        return _cut(low, rows, columns, patch), _cut(high, s * rows, s * columns, s * patch)

    def _degraded(self, high: Tensor, image: Tensor, generator: torch.Generator) -> Tensor:
        """Return the degraded LR values of HR values, rounded to whole numbers of the file's type."""
        levels = self._levels[image].to(high.device, non_blocking=True)
        seen_low, seen_span, low, span, limit = levels.T[..., None, None, None]
        values = (high * seen_span + seen_low - low) / span
        made = self._pipeline.of_batch(values, self._scale, generator)
        integers = torch.minimum(torch.floor(made * span + low + 0.5).clamp(min=0), limit)
        return torch.div(integers - seen_low, seen_span)

    def _start(self, first: Tensor, side: Tensor) -> Tensor:
        """Return the begin of a window with the patch in its middle, moved inside the image if necessary."""
        return torch.minimum((first - (self._window - self._patch) // 2).clamp(min=0), side - self._window)


def _place(rows: Tensor, columns: Tensor, room: int, orientation: Tensor) -> tuple[Tensor, Tensor]:
    """Return the begin of a patch in a turned window with sides longer by `room`; for `orientation` see `_steps`."""
    flip_rows, flip_columns, transpose = (((orientation >> bit) & 1).bool() for bit in range(3))
    rows, columns = torch.where(flip_rows, room - rows, rows), torch.where(flip_columns, room - columns, columns)
    return torch.where(transpose, columns, rows), torch.where(transpose, rows, columns)


def _cut(images: Tensor, rows: Tensor, columns: Tensor, side: int) -> Tensor:
    """Cut a square out of each image: [N, 1, H, W] → [N, 1, side, side], at (rows[i], columns[i])."""
    along = torch.arange(side)
    table = torch.stack([rows[:, None] + along, columns[:, None] + along]).to(images.device, non_blocking=True)
    which = torch.arange(len(images), device=images.device)[:, None, None]
    return images[:, 0][which, table[0][:, :, None], table[1][:, None, :]][:, None]
