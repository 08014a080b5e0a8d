"""Measuring an upscaler on a set of images by the protocol."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nas.data.image_set import ImageSet, Pair
from nas.data.images import resize_bicubic
from nas.errors import InputError
from nas.metrics.metric import Metric, select_metrics
from nas.progress import Progress

Upscale = Callable[[Tensor], Tensor]
"""LR [N, 1, h, w] → SR [N, 1, s h, s w], values as networks see them, on the device of the LR images."""

CPU = torch.device("cpu")

_TOGETHER = 1 << 21
"""HR pixels that a GPU computes at once. A CPU is fastest with single images, which fit its caches."""


@dataclass(frozen=True)
class Measurement:
    """The result of measuring an upscaler on a set of images."""

    means: Mapping[str, float]
    """Metric name → mean over the images."""
    per_image: tuple[tuple[str, Mapping[str, float]], ...]
    """For each image: its name, and metric name → figure."""

    @property
    def psnr(self) -> float:
        """Mean PSNR in dB; NaN if it wasn't measured."""
        return self.means.get("psnr", math.nan)

    @property
    def ssim(self) -> float:
        """Mean SSIM; NaN if it wasn't measured."""
        return self.means.get("ssim", math.nan)


@dataclass(frozen=True)
class Reconstruction:
    """Reconstructed images of one size. `sr` and `hr` hold integers as in a file, [N, 1, H, W], not yet shaved."""

    pairs: tuple[Pair, ...]
    sr: Tensor
    hr: Tensor

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the images."""
        return tuple(pair.name for pair in self.pairs)

    @property
    def peak(self) -> float:
        """The peak of PSNR and SSIM, in integer levels."""
        return self.pairs[0].levels.peak


def measure(
    upscale: Upscale,
    images: ImageSet,
    metrics: Sequence[str | Metric] = ("psnr", "ssim"),
    *,
    crop: int | None = None,
    shave: int | None = None,
    device: torch.device = CPU,
    progress: Progress | None = None,
    watch: Callable[[Reconstruction], None] | None = None,
) -> Measurement:
    """Upscale every image and compare it with its HR image, following `Protocol.of(images, crop, shave=shave)`.

    Results are rounded half up to the integers of the image's file and clipped. Metrics are computed in float64.

    Args:
        upscale: The upscaler to measure.
        images: The images to measure on.
        metrics: Metrics, or their names.
        crop: Side of the centre crop in HR pixels; None: whole images.
        shave: Pixels left out on each side; None: as many as the scale.
        device: Computes images and metrics. The host doesn't wait for it before the last image.
        progress: Called with (done, total) images.
        watch: Called with the integers that are compared.

    Raises:
        InputError: An image is too small for the shave or for a metric.
    """
    chosen = _resolved(metrics)
    shave = images.scale if shave is None else shave
    names: list[str] = []
    figures: list[Tensor] = []
    for pairs in _batches(images, crop, _TOGETHER if device.type == "cuda" else 1):
        found = _reconstruct(upscale, pairs, device)
        if watch:
            watch(found)
        figures.append(_compare(found, chosen, shave))
        names += found.names
        if progress:
            progress(len(names), len(images))
    table = torch.cat(figures).cpu()
    labels = [metric.name for metric in chosen]
    rows = tuple((name, dict(zip(labels, row, strict=True))) for name, row in zip(names, table.tolist(), strict=True))
    return Measurement(dict(zip(labels, table.mean(0).tolist(), strict=True)), rows)


def _resolved(metrics: Sequence[str | Metric]) -> tuple[Metric, ...]:
    named = {name: select_metrics([name])[0][0] for name in metrics if isinstance(name, str)}
    return tuple(named[metric] if isinstance(metric, str) else metric for metric in metrics)


def _batches(images: ImageSet, crop: int | None, pixels: int) -> Iterator[list[Pair]]:
    """Yield batches of successive images of one size with at most `pixels` HR pixels, or of a single image."""
    batch: list[Pair] = []
    for index in range(len(images)):
        pair = images.pair(index, crop)
        is_like = batch and pair.hr.shape == batch[0].hr.shape and pair.levels.peak == batch[0].levels.peak
        if batch and not (is_like and (len(batch) + 1) * pair.hr.numel() <= pixels):
            yield batch
            batch = []
        batch.append(pair)
    if batch:
        yield batch


def _reconstruct(upscale: Upscale, pairs: Sequence[Pair], device: torch.device) -> Reconstruction:
    # TF32, the default of convolutions on newer GPUs, has a precision of 10 bits, too few for 16-bit images.
    with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        results = upscale(torch.cat([pair.lr for pair in pairs]).to(device)).float().to(device)
    whole = [pair.levels.integers(result[None]) for pair, result in zip(pairs, results, strict=True)]
    original = torch.cat([pair.levels.integers(pair.hr) for pair in pairs]).to(device)
    return Reconstruction(tuple(pairs), torch.cat(whole), original)


def _compare(found: Reconstruction, metrics: Sequence[Metric], shave: int) -> Tensor:
    """Return the figures, [image, metric], on the device."""
    height, width = (side - 2 * shave for side in found.hr.shape[-2:])
    for metric in metrics:
        if min(height, width) < metric.least_side:
            _refuse(found, metric, shave)
    inner = (..., slice(shave, shave + height), slice(shave, shave + width))
    sr, hr = (_in_double(images[inner]) for images in (found.sr, found.hr))
    return torch.stack([metric.compute(sr, hr, found.peak).clamp(max=metric.limit) for metric in metrics], dim=1)


def _in_double(images: Tensor) -> Tensor:
    return (images.cpu() if images.device.type == "mps" else images).double()  # Apple's GPUs have no float64


def _refuse(found: Reconstruction, metric: Metric, shave: int) -> None:
    height, width = found.hr.shape[-2:]
    if min(height, width) <= 2 * shave:
        raise InputError(f"A shave of {shave} leaves nothing of the {width} x {height} pixels of {found.names[0]}.")
    raise InputError(
        f"{metric.label} needs at least {metric.least_side} x {metric.least_side} pixels inside the shaved border, but "
        f"{found.names[0]} has {width - 2 * shave} x {height - 2 * shave}."
    )


def baseline_name(scale: int) -> str:
    """Return the name of the baseline: bicubic enlargement, or the unchanged input at scale 1."""
    return "bicubic" if scale > 1 else "input"


def enlarge(scale: int) -> Upscale:
    """Return bicubic enlargement as an upscaler. At scale 1 it returns images unchanged."""
    return lambda lr: resize_bicubic(lr, (lr.shape[-2] * scale, lr.shape[-1] * scale))


def bicubic_baseline(
    images: ImageSet,
    crop: int | None = None,
    metrics: Sequence[str | Metric] = ("psnr", "ssim"),
    *,
    shave: int | None = None,
) -> Measurement:
    """Measure the baseline that networks must beat: bicubic enlargement, or the unchanged input at scale 1."""
    return measure(enlarge(images.scale), images, metrics, crop=crop, shave=shave)
