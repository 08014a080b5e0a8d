"""Measuring the quality of bicubic interpolation on the images of a folder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nas.check.reading import depth_of, in_threads, is_measurable
from nas.check.report import Quality
from nas.data.degradation import low_resolution, read_low_resolution
from nas.data.images import Pixels, UnreadableImageError, decode_image, resize_bicubic
from nas.data.listing import Source
from nas.data.normalisation import Normalisation
from nas.metrics import limited, psnr, ssim

MOST_MEASURED = 1000
"""Maximum number of images measured in each part, spread evenly. All images are read."""


@dataclass(frozen=True)
class Measured:
    """The quality of bicubic interpolation on one image of 8 or 16 bits."""

    depth: int
    psnr: float
    ssim: float


@dataclass(frozen=True)
class BicubicMeter:
    """Measures bicubic interpolation of LR images, given or made by `degradation`."""

    scale: int
    degradation: str

    def chosen(self, sources: Sequence[Source]) -> Sequence[Source]:
        """Return the images to measure: at most `MOST_MEASURED`, spread evenly."""
        # At scale 1 bicubic interpolation leaves an image as it is: there is nothing to measure.
        changes_images = self.scale > 1 or self.degradation != "bicubic"
        if not (sources and changes_images):
            return ()
        return sources[:: -(-len(sources) // MOST_MEASURED)]

    def measure(
        self, sources: Sequence[Source], normalisation: Normalisation, tick: Callable[[], None]
    ) -> list[Measured]:
        """Return PSNR (dB) and SSIM for each image that can be measured."""
        results = in_threads(lambda source: self._measured(source, normalisation), sources, tick)
        return [result for result in results if result]

    def _measured(self, source: Source, normalisation: Normalisation) -> Measured | None:
        try:
            hr = decode_image(source.hr).pixels
            if not is_measurable(hr, self.scale):
                return None
            if source.lr:
                lr = read_low_resolution(hr, self.scale, source.lr)
            else:
                lr = low_resolution(hr, self.scale, self.degradation)
        except UnreadableImageError:
            return None
        return Measured(depth_of(hr), *_bicubic_quality(hr, lr, self.scale, normalisation))


def _bicubic_quality(hr: Pixels, lr: Pixels, scale: int, normalisation: Normalisation) -> tuple[float, float]:
    height, width = lr.shape[0] * scale, lr.shape[1] * scale
    levels = normalisation.levels(lr)
    sr = levels.integers(resize_bicubic(levels.tensor(lr), (height, width)))
    target = levels.integers(levels.tensor(hr[:height, :width]))
    decibels = psnr(sr, target, peak=levels.peak, shave=scale)
    return limited(decibels), ssim(sr, target, peak=levels.peak, shave=scale)


def means_by_depth(measured: Sequence[Measured]) -> dict[int, Quality]:
    """Return the means for each bit depth that occurs, 8 first."""
    means = {}
    for depth in sorted({m.depth for m in measured}):
        of_depth = [m for m in measured if m.depth == depth]
        mean_psnr = float(np.mean([m.psnr for m in of_depth]))
        means[depth] = Quality(mean_psnr, float(np.mean([m.ssim for m in of_depth])), len(of_depth))
    return means
