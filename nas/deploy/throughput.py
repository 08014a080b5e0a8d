"""How fast images were upscaled."""

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from nas.data.images import Pixels
from nas.deploy.upscaler import Upscaler


@dataclass(frozen=True)
class Throughput:
    """The speed of an upscaling, without the loading of the model and without the check for tiles."""

    images: int
    """Number of images, or of frames."""
    megapixels: float
    """Million pixels of all upscaled images."""
    seconds: float
    """Seconds for reading, upscaling and writing all images."""
    median_ms: float
    """Median of the milliseconds for reading and upscaling an image."""

    @property
    def images_per_second(self) -> float:
        """Images a second."""
        return self.images / self.seconds if self.seconds else 0.0

    @property
    def megapixels_per_second(self) -> float:
        """Million upscaled pixels a second."""
        return self.megapixels / self.seconds if self.seconds else 0.0

    def __str__(self) -> str:
        return (
            f"{self.images} image{'s' if self.images != 1 else ''} in {self.seconds:.3g} s: "
            f"{self.images_per_second:.3g} images/s, {self.megapixels_per_second:.3g} MP/s of upscaled pixels, median "
            f"{self.median_ms:.3g} ms an image"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "images": self.images,
            "megapixels": self.megapixels,
            "seconds": self.seconds,
            "images_per_second": self.images_per_second,
            "megapixels_per_second": self.megapixels_per_second,
            "median_ms": self.median_ms,
        }


class Meter:
    """Measures the throughput from its creation on. The preparation of `upscalers` doesn't count."""

    def __init__(self, upscalers: Sequence[Upscaler]) -> None:
        self._upscalers, self._began, self._before = upscalers, time.perf_counter(), _preparation(upscalers)
        self._seconds: list[float] = []
        self._last = 0.0
        self._pixels = 0

    @contextmanager
    def image(self) -> Iterator[None]:
        """Measure the work on an image. If it succeeded, `count` counts the image."""
        began, before = time.perf_counter(), _preparation(self._upscalers)
        yield
        self._last = time.perf_counter() - began - (_preparation(self._upscalers) - before)

    def count(self, result: Pixels) -> Pixels:
        """Count an upscaled image, and return it."""
        self._seconds.append(self._last)
        self._pixels += result.size
        return result

    def throughput(self) -> Throughput:
        """Return the throughput until now."""
        passed = time.perf_counter() - self._began - (_preparation(self._upscalers) - self._before)
        median = statistics.median(self._seconds) if self._seconds else 0.0
        return Throughput(len(self._seconds), self._pixels / 1e6, passed, 1000 * median)


def _preparation(upscalers: Sequence[Upscaler]) -> float:
    return sum(upscaler.preparation for upscaler in upscalers)
