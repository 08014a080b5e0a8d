"""The small crops where a network gains or loses most against bicubic interpolation, to look at."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from nas.data.image_set import ImageSet
from nas.metrics import Reconstruction, Upscale, enlarge
from nas.metrics.pixelwise import peak_signal_to_noise_ratio

SIDE = 64
"""Height and width of a crop in HR pixels: large enough to recognise things, small enough to see pixels.

Small images have smaller crops.
"""

Pixels = np.ndarray[Any, np.dtype[Any]]
Place = tuple[int, int, int]


@dataclass(frozen=True)
class Crop:
    """A square of an HR image, [top : top + side, left : left + side] in its pixels."""

    image: int
    name: str
    top: int
    left: int
    side: int
    gain: float
    """Mean squared error of bicubic interpolation minus that of the network, in squared levels."""

    @property
    def place(self) -> Place:
        """(image, top, left), which identifies the crop."""
        return self.image, self.top, self.left

    def of(self, images: Tensor, reduction: int = 1) -> Tensor:
        """Cut the crop out of images [..., H, W], or out of images that are smaller by the factor `reduction`."""
        top, left, side = (pixels // reduction for pixels in (self.top, self.left, self.side))
        return images[..., top : top + side, left : left + side]

    def overlaps(self, other: "Crop") -> bool:
        """Tell whether two crops share pixels."""
        down, across = abs(self.top - other.top), abs(self.left - other.left)
        return self.image == other.image and max(down, across) < self.side


@dataclass(frozen=True)
class Panel:
    """A crop upscaled by one network: integers as in the file, [H, W], and the PSNR of the crop in dB."""

    pixels: Pixels
    psnr: float


@dataclass(frozen=True)
class Pictured:
    """A crop, upscaled by all networks."""

    crop: Crop
    is_gain: bool
    """Whether the crop is one of the greatest gains; False: one of the smallest gains or greatest losses."""
    lr: Pixels
    """The same part of the LR image, integers [H / s, W / s]."""
    hr: Pixels
    panels: Mapping[str, Panel]
    """A network's label → its panel."""


class CropFinder:
    """Watches a measurement and keeps the `count` greatest gains and the `count` greatest losses of the network.

    Crops lie on a grid of half their side, inside the shave. They don't overlap, and come from as many different images
    as possible.
    """

    def __init__(self, images: ImageSet, shave: int, count: int) -> None:
        self._scale, self._shave, self._count = images.scale, shave, count
        self._of_one_image = math.ceil(count / len(images))
        self._gains: list[Crop] = []
        self._losses: list[Crop] = []
        self._seen = 0

    def __call__(self, found: Reconstruction) -> None:
        """Find the crops of images that were reconstructed."""
        for pair, sr, hr in zip(found.pairs, found.sr, found.hr, strict=True):
            bicubic = pair.levels.integers(enlarge(self._scale)(pair.lr))[0].to(sr.device)
            advantage = (bicubic.double() - hr).square() - (sr.double() - hr).square()
            crops = sorted(self._candidates(advantage.cpu(), pair.name), key=lambda crop: crop.gain)
            gains = _apart(reversed(crops), self._of_one_image)
            losses = _apart((crop for crop in crops if not any(map(crop.overlaps, gains))), self._of_one_image)
            self._gains = sorted([*self._gains, *gains], key=lambda crop: -crop.gain)[: self._count]
            self._losses = sorted([*self._losses, *losses], key=lambda crop: crop.gain)[: self._count]
            self._seen += 1

    def _candidates(self, advantage: Tensor, name: str) -> list[Crop]:
        """Return all crops of an image; `advantage` [1, H, W] is the gain over bicubic interpolation at each pixel."""
        s, (height, width) = self._scale, advantage.shape[-2:]
        start = -(-self._shave // s) * s  # crops begin and end with LR pixels
        inner = advantage[:, start : height - self._shave, start : width - self._shave]
        side = min(SIDE, min(inner.shape[-2:]) // 3) // s * s  # a third, so that several crops fit
        if side == 0:
            return []
        step = max(side // 2 // s * s, s)
        means = F.avg_pool2d(inner, side, stride=step)[0]
        return [
            Crop(self._seen, name, start + y * step, start + x * step, side, float(means[y, x]))
            for y in range(means.shape[0])
            for x in range(means.shape[1])
        ]

    def crops(self) -> tuple[tuple[Crop, bool], ...]:
        """Return (crop, is_gain): the greatest gains first, then the greatest losses."""
        return tuple((crop, True) for crop in self._gains) + tuple((crop, False) for crop in self._losses)


def _apart(crops: Iterable[Crop], count: int) -> list[Crop]:
    """Return the first `count` crops that don't overlap those before."""
    kept: list[Crop] = []
    for crop in crops:
        if len(kept) < count and not any(map(crop.overlaps, kept)):
            kept.append(crop)
    return kept


@dataclass(frozen=True)
class Viewer:
    """An upscaler, and the images as it sees them."""

    upscale: Upscale
    images: ImageSet


def picture_crops(
    found: Mapping[str, Sequence[tuple[Crop, bool]]], viewers: Mapping[str, Viewer], device: torch.device
) -> dict[str, tuple[Pictured, ...]]:
    """Return the crops of each network, upscaled by all `viewers`. Each network upscales each image once.

    `found` has the crops by the networks' labels, with whether each is a gain.
    """
    wanted = {crop.place: crop for crops in found.values() for crop, _ in crops}
    by_image: dict[int, list[Crop]] = defaultdict(list)
    for crop in wanted.values():
        by_image[crop.image].append(crop)
    panels: dict[Place, dict[str, Panel]] = defaultdict(dict)
    for label, viewer in viewers.items():
        for index, crops_there in by_image.items():
            pair = viewer.images.pair(index)
            with torch.no_grad():
                sr = pair.levels.integers(viewer.upscale(pair.lr.to(device)).float().cpu())
            hr = pair.levels.integers(pair.hr)
            for crop in crops_there:
                panels[crop.place][label] = _panel(crop.of(sr), crop.of(hr), pair.levels.peak)
    images = next(iter(viewers.values())).images
    return {
        label: tuple(_pictured(crop, is_gain, images, panels[crop.place]) for crop, is_gain in crops)
        for label, crops in found.items()
    }


def _panel(sr: Tensor, hr: Tensor, peak: float) -> Panel:
    psnr = peak_signal_to_noise_ratio(sr.double(), hr.double(), peak)
    return Panel(sr[0, 0].double().numpy(), float(psnr))


def _pictured(crop: Crop, is_gain: bool, images: ImageSet, panels: Mapping[str, Panel]) -> Pictured:
    pair = images.pair(crop.image)
    lr, hr = (pair.levels.integers(image)[0, 0].double() for image in (pair.lr, pair.hr))
    return Pictured(crop, is_gain, crop.of(lr, images.scale).numpy(), crop.of(hr).numpy(), panels)
