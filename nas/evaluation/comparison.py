"""Measuring networks and bicubic interpolation on a folder of images, all by one protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from nas.data.image_set import ImageSet, mixed_in_words
from nas.errors import InputError
from nas.evaluation.conditions import Conditions, coloured_images, common, open_for, seen_by
from nas.evaluation.contestant import Contestant
from nas.evaluation.crops import CropFinder, Pictured, Viewer, picture_crops
from nas.metrics import (
    Measurement,
    Metric,
    Protocol,
    Upscale,
    baseline_name,
    bicubic_baseline,
    enlarge,
    measure,
    select_metrics,
    self_ensemble,
)
from nas.progress import Progress
from search_spaces.layers.fused import fused

BICUBIC = "bicubic"
"""The name of bicubic interpolation, which is always measured."""


@dataclass(frozen=True, repr=False)
class Evaluation:
    """The result of a measurement.

    Example:
        >>> nas.load("camera").evaluate("images/val").metrics[0].name
        'psnr'
    """

    protocol: Protocol
    metrics: tuple[Metric, ...]
    rows: tuple[tuple[str, Measurement], ...]
    """(label, measurement): bicubic interpolation (at scale 1 the input itself), then the networks."""
    notes: tuple[str, ...]
    pictured: Mapping[str, tuple[Pictured, ...]]
    """A network's label → its best and worst crops, each upscaled by all networks; empty unless they were asked for."""

    @property
    def means(self) -> dict[str, dict[str, float]]:
        """Label → metric name → mean over all images."""
        return {label: dict(measured.means) for label, measured in self.rows}

    def __repr__(self) -> str:
        lines = [f"<Evaluation, {self.protocol.describe()}:"]
        for label, means in self.means.items():
            shown = (f"{metric.label} {means[metric.name]:.{metric.digits}f} {metric.unit}" for metric in self.metrics)
            lines.append(f"  {label}: {', '.join(text.rstrip() for text in shown)}")
        return "\n".join(lines) + ">"


def compare(
    contestants: Sequence[Contestant],
    folder: Path,
    cache: Path,
    device: torch.device,
    conditions: Conditions | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure bicubic interpolation (at scale 1 the input itself) and the contestants on the images of a folder.

    Each network sees the images with its own normalisation, and luma in the range of its training. All are measured on
    the same integers; luma is measured in 16..235.

    Raises InputError if one protocol can't cover all contestants: they have different scales, or were trained with
    different degradations, denoisers or peaks and the conditions don't name one. Also raises it if the images have
    different bit depths, and as `select_metrics` and `measure` do.
    """
    asked = conditions or Conditions()
    metrics, left_out = select_metrics(asked.metrics, asked.weights)
    images = open_for(contestants, folder, cache, device, asked)
    if len(images.depths) > 1:
        depths = mixed_in_words(images.depths)
        raise InputError(f"{folder}: {depths}; put each bit depth into a folder, and evaluate the folders separately.")
    coloured: frozenset[int] = frozenset()
    if any(contestant.luma == "full" for contestant in contestants):
        coloured = coloured_images(images, contestants, folder, cache, asked)
    views = [seen_by(c, images, asked.peak, coloured) for c in contestants]
    if not views:
        views = [images if asked.peak is None else images.normalised(images.normalisation, asked.peak)]
    common("peaks", [view.peak_in_words for view in views], "; name one by --peak, or")
    images = replace(views[0], studio=frozenset())
    viewers: dict[str, Viewer] = {}
    for contestant, view in zip(contestants, views, strict=False):
        viewers[_row_label(contestant, asked)] = Viewer(_upscaler(contestant, device, asked), view)
    rows, pictured = _measure_all(images, viewers, metrics, asked, device, progress)
    ranges = [_range_in_words(c) for c in contestants] if images.channel == "y" else []
    notes = (*(c.note for c in contestants if c.note), *ranges, *left_out)
    protocol = Protocol.of(images, shave=asked.shave, self_ensemble=asked.self_ensemble)
    return Evaluation(protocol, metrics, rows, notes, pictured)


def _measure_all(
    images: ImageSet,
    viewers: Mapping[str, Viewer],
    metrics: tuple[Metric, ...],
    asked: Conditions,
    device: torch.device,
    progress: Progress | None,
) -> tuple[tuple[tuple[str, Measurement], ...], dict[str, tuple[Pictured, ...]]]:
    """Return a row for bicubic interpolation and for each viewer, and the best and worst crops of each viewer."""
    baseline = baseline_name(images.scale)
    shave = Protocol.of(images, shave=asked.shave, self_ensemble=asked.self_ensemble).shave
    rows = [(baseline, bicubic_baseline(images, metrics=metrics, shave=asked.shave))]
    found = {}
    for label, viewer in viewers.items():
        finder = CropFinder(images, shave, asked.crops) if asked.crops else None
        measured = measure(
            viewer.upscale,
            viewer.images,
            metrics,
            shave=asked.shave,
            device=device,
            progress=progress,
            watch=finder,
        )
        rows.append((label, measured))
        if finder:
            found[label] = finder.crops()
    pictured = picture_crops(found, {baseline: Viewer(enlarge(images.scale), images), **viewers}, device)
    return tuple(rows), pictured


def _range_in_words(contestant: Contestant) -> str:
    if contestant.luma == "full":
        return f"{contestant.label} sees luma in full range, as in its training; its results are measured in 16..235."
    return f"{contestant.label} sees luma in 16..235, as in its training."


def _row_label(contestant: Contestant, asked: Conditions) -> str:
    return f"{contestant.label} (self-ensemble)" if asked.self_ensemble else contestant.label


def _upscaler(contestant: Contestant, device: torch.device, asked: Conditions) -> Upscale:
    network = contestant.network
    if contestant.recipe is not None:  # other people's networks may have a method of the same name
        network = fused(network)
    network = network.to(device).eval()
    return self_ensemble(network) if asked.self_ensemble else network
