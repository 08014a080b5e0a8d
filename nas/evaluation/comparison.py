"""Measuring trained models, those of others and bicubic interpolation on a folder of images, all by one protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from nas.convert.third_party import SUFFIXES, load_third_party
from nas.data.dataset import open_images
from nas.data.degradation import label_of
from nas.data.frames import Counts
from nas.data.image_set import ImageSet, mixed_in_words
from nas.data.normalisation import Normalisation
from nas.deploy.denoising import as_denoiser
from nas.errors import InputError
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
from nas.model import IMPORTED, load_model
from nas.progress import Progress
from search_spaces.published import STUDIO_LUMA

T = TypeVar("T")

BICUBIC = "bicubic"
"""What is always measured, and may be named."""

DEFAULT_SCALE = 2
"""Of bicubic interpolation where nothing else is measured."""


@dataclass(frozen=True)
class Contestant:
    """A network that is measured."""

    label: str
    network: nn.Module
    """[N, 1, h, w] → [N, 1, s h, s w]."""
    scale: int
    recipe: Mapping[str, Any] | None = None
    """What it was trained by; None where nobody knows."""
    luma: str = "full"
    """The range of luma that it was trained on: full, or studio (16..235); see `TrainedLuma`."""
    note: str = ""
    """What is to be said below its figures."""


@dataclass(frozen=True)
class Conditions:
    """How it is measured; None is as customary or as for the models' training."""

    metrics: tuple[str, ...] = ("psnr", "ssim")
    weights: Mapping[str, Path] = field(default_factory=dict)
    """Files of learned metrics, by the metrics' names."""
    scale: int | None = None
    degradation: str | None = None
    """Makes the LR images."""
    counts: str | None = None
    """Scale and offset of images that aren't of 8 or 16 bits."""
    denoiser: str | None = None
    """The model directory that LR images pass."""
    peak: float | None = None
    """What PSNR is measured against."""
    shave: int | None = None
    """Pixels left out on each side; as many as the scale."""
    channel: str = "gray"
    self_ensemble: bool = False
    crops: int = 0
    """How many of its best and of its worst crops are pictured for each network."""
    skip_bad: bool = False
    """Whether images that can't be read are left out."""


@dataclass(frozen=True, repr=False)
class Evaluation:
    """What was measured.

    Example:
        >>> nas.load("camera").evaluate("images/val").metrics[0].name
        'psnr'
    """

    protocol: Protocol
    metrics: tuple[Metric, ...]
    rows: tuple[tuple[str, Measurement], ...]
    """Bicubic interpolation, at scale 1 the input itself, then the networks, each by its label."""
    notes: tuple[str, ...]
    pictured: Mapping[str, tuple[Pictured, ...]]
    """By a network's label, its best and worst crops in all networks, where they were asked for."""

    @property
    def means(self) -> dict[str, dict[str, float]]:
        """The means over all images: figures by the networks' labels and the metrics' names."""
        return {label: dict(measured.means) for label, measured in self.rows}

    def __repr__(self) -> str:
        lines = [f"<Evaluation, {self.protocol.describe()}:"]
        for label, means in self.means.items():
            shown = (f"{metric.label} {means[metric.name]:.{metric.digits}f} {metric.unit}" for metric in self.metrics)
            lines.append(f"  {label}: {', '.join(text.rstrip() for text in shown)}")
        return "\n".join(lines) + ">"


def load_contestant(label: str, path: Path) -> Contestant:
    """Read a model directory, or a checkpoint of somebody else's network.

    Raises InputError where it is neither, and for a model directory of several channels.
    """
    if path.is_file() and path.suffix.lower() in SUFFIXES:
        theirs = load_third_party(path)
        luma = "full" if theirs.channels == 3 else STUDIO_LUMA.range
        return Contestant(label, theirs.network, theirs.scale, luma=luma, note=f"{label}: {theirs.describe()}.")
    model = load_model(path)
    if (channels := model.architecture.channels) != 1:
        raise InputError(
            f"Images are of one channel, but {label} takes {channels}; a published network is imported for one "
            "channel with --to-gray."
        )
    # Ours are trained on the gray of images, which is their luma in full range.
    luma = model.recipe.get(IMPORTED, {}).get("luma", "full")
    return Contestant(label, model.network, model.architecture.scale, model.recipe, luma)


def compare(
    contestants: Sequence[Contestant],
    folder: Path,
    cache: Path,
    device: torch.device,
    conditions: Conditions | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure bicubic interpolation, at scale 1 the input itself, and the contestants on a folder's images.

    Each sees the images by its own normalisation, and luma in the range that it was trained on; what is measured is
    integers, of luma always those of 16..235. Raises InputError when the contestants
    have different scales, or were trained on images that were made or measured differently and the conditions don't say
    how, which no one protocol covers; when the images have different bit depths; and as `select_metrics` and `measure`
    do.
    """
    asked = conditions or Conditions()
    metrics, left_out = select_metrics(asked.metrics, asked.weights)
    images = _open(contestants, folder, cache, device, asked)
    if len(images.depths) > 1:
        raise InputError(f"{folder}: {mixed_in_words(images.depths)}; evaluate them apart, in a folder for each depth.")
    converted: frozenset[int] = frozenset()
    if any(contestant.luma == "full" for contestant in contestants):
        converted = _converted(images, contestants, folder, cache, asked)
    seen = [_seen_by(c, images, asked.peak, converted) for c in contestants]
    if not seen:
        seen = [images if asked.peak is None else images.normalised(images.normalisation, asked.peak)]
    _common("peaks", [one.peak_in_words for one in seen], "; name one by --peak, or")
    images = replace(seen[0], studio=frozenset())
    protocol = Protocol.of(images, shave=asked.shave, self_ensemble=asked.self_ensemble)
    viewers = {
        _row_label(c, asked): Viewer(_upscaler(c, device, asked), its_own)
        for c, its_own in zip(contestants, seen, strict=False)
    }
    baseline = baseline_name(images.scale)
    rows = [(baseline, bicubic_baseline(images, metrics=metrics, shave=asked.shave))]
    found = {}
    for label, viewer in viewers.items():
        finder = CropFinder(images, protocol.shave, asked.crops) if asked.crops else None
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
    ranges = [_range_in_words(c) for c in contestants] if images.channel == "y" else []
    notes = (*(c.note for c in contestants if c.note), *ranges, *left_out)
    return Evaluation(protocol, metrics, tuple(rows), notes, pictured)


def _open(
    contestants: Sequence[Contestant], folder: Path, cache: Path, device: torch.device, asked: Conditions
) -> ImageSet:
    """Open the images as the contestants expect them."""
    scales = [c.scale for c in contestants] + ([] if asked.scale is None else [asked.scale])
    scale = _common("scales", scales or [DEFAULT_SCALE])
    # Weights from elsewhere don't say what they were trained on.
    usual = _usual(scale)
    recipes = [c.recipe for c in contestants if c.recipe is not None]
    degradation, denoiser = asked.degradation, asked.denoiser
    if degradation is None:
        made = [recipe.get("degradation", usual) for recipe in recipes]
        degradation = _common("degradations", made or [usual], "; name one by --degradation, or")
    if denoiser is None:
        passed = [recipe.get("denoiser") for recipe in recipes]
        denoiser = _common("denoisers", passed or [None], "; name one by --denoise, or")
    return open_images(
        folder,
        scale=scale,
        cache=cache,
        degradation=degradation,
        counts=_counts(contestants, asked),
        denoiser=as_denoiser(denoiser, device),
        channel=asked.channel,
        skip_bad=asked.skip_bad,
    )


def _counts(contestants: Sequence[Contestant], asked: Conditions) -> Counts | None:
    """Return the scale of float and signed images: that which is asked for, or that of the models' training."""
    if asked.counts:
        return Counts.parse(asked.counts)
    scales = [c.recipe.get("counts") for c in contestants if c.recipe is not None]
    kept = _common("scales of counts", scales or [None], "; give --counts, or")
    return Counts.model_validate(kept) if kept else None


def _usual(scale: int) -> str:
    return "bicubic" if scale > 1 else "noise"


def _converted(
    images: ImageSet, contestants: Sequence[Contestant], folder: Path, cache: Path, asked: Conditions
) -> frozenset[int]:
    """Return the images of which luma of 16..235 was made: those that are others as gray."""
    if images.channel == "gray":
        return frozenset()
    gray = open_images(
        folder,
        scale=images.scale,
        cache=cache,
        degradation=_usual(images.scale),
        counts=_counts(contestants, asked),
        skip_bad=asked.skip_bad,
    )
    pairs = zip(images.hr.images, gray.hr.images, strict=True)
    return frozenset(i for i, (luma, plain) in enumerate(pairs) if luma.digest != plain.digest)


def _seen_by(contestant: Contestant, images: ImageSet, peak: float | None, converted: frozenset[int]) -> ImageSet:
    """Return the images by the contestant's normalisation, or by their own where nobody knows it.

    Luma of 16..235 (the `converted` images) is seen in full range by a network that was trained on that.
    """
    normalisation = images.normalisation
    if contestant.recipe is not None:
        peak = normalisation.peak if peak is None else peak
        normalisation = Normalisation.stored(contestant.recipe)
    # The range that each image uses is that of its luma already.
    is_full = contestant.luma == "full" and normalisation.kind != "image"
    return replace(images.normalised(normalisation, peak), studio=converted if is_full else frozenset())


def _range_in_words(contestant: Contestant) -> str:
    if contestant.luma == "full":
        return f"{contestant.label} sees luma in full range, as in its training; its results are measured in 16..235."
    return f"{contestant.label} sees luma in 16..235, as in its training."


def _row_label(contestant: Contestant, asked: Conditions) -> str:
    return f"{contestant.label} (self-ensemble)" if asked.self_ensemble else contestant.label


def _upscaler(contestant: Contestant, device: torch.device, asked: Conditions) -> Upscale:
    network = contestant.network.to(device).eval()
    return self_ensemble(network) if asked.self_ensemble else network


def _common(kind: str, values: Sequence[T], advice: str = ";") -> T:
    """Return what all models share."""
    distinct = [value for index, value in enumerate(values) if value not in values[:index]]
    if len(distinct) > 1:
        named = ", ".join(_label(value) for value in distinct)
        raise InputError(f"The models have different {kind} ({named}){advice} evaluate them apart.")
    return distinct[0]


def _label(value: object) -> str:
    return label_of(value) if isinstance(value, Mapping) else "none" if value is None else str(value)
