"""The conditions of a measurement: what the user asks for, completed by the recipes of the models' trainings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import torch

from nas.data.dataset import open_images
from nas.data.degradation import label_of
from nas.data.frames import Counts
from nas.data.image_set import ImageSet
from nas.data.normalisation import Normalisation
from nas.deploy.denoising import as_denoiser
from nas.errors import InputError
from nas.evaluation.contestant import Contestant

T = TypeVar("T")

DEFAULT_SCALE = 2
"""The scale of bicubic interpolation if no network is measured."""


@dataclass(frozen=True)
class Conditions:
    """How networks are measured. None stands for the usual value, or for the value of the models' training."""

    metrics: tuple[str, ...] = ("psnr", "ssim")
    weights: Mapping[str, Path] = field(default_factory=dict)
    """The files of learned metrics, by the metrics' names."""
    scale: int | None = None
    degradation: str | None = None
    """What makes the LR images."""
    counts: str | None = None
    """Scale and offset of images that aren't of 8 or 16 bits."""
    denoiser: str | None = None
    """The model directory of a denoiser that LR images pass."""
    peak: float | None = None
    """The peak of PSNR and SSIM."""
    shave: int | None = None
    """Pixels left out on each side; None: as many as the scale."""
    channel: str = "gray"
    self_ensemble: bool = False
    crops: int = 0
    """Number of best crops, and of worst crops, that are pictured for each network."""
    skip_bad: bool = False
    """Whether images that can't be read are left out."""


def open_for(
    contestants: Sequence[Contestant], folder: Path, cache: Path, device: torch.device, asked: Conditions
) -> ImageSet:
    """Open the images of a folder as the contestants expect them. Raises InputError if they expect different images."""
    scales = [c.scale for c in contestants] + ([] if asked.scale is None else [asked.scale])
    scale = common("scales", scales or [DEFAULT_SCALE])
    usual = _usual_degradation(scale)
    # Networks without a known recipe are measured like the others.
    recipes = [c.recipe for c in contestants if c.recipe is not None]
    degradation, denoiser = asked.degradation, asked.denoiser
    if degradation is None:
        degradations = [recipe.get("degradation", usual) for recipe in recipes]
        degradation = common("degradations", degradations or [usual], "; name one by --degradation, or")
    if denoiser is None:
        denoisers = [recipe.get("denoiser") for recipe in recipes]
        denoiser = common("denoisers", denoisers or [None], "; name one by --denoise, or")
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


def coloured_images(
    images: ImageSet, contestants: Sequence[Contestant], folder: Path, cache: Path, asked: Conditions
) -> frozenset[int]:
    """Return the indices of images with colours, whose luma differs from their gray; none for the channel `gray`."""
    if images.channel == "gray":
        return frozenset()
    gray = open_images(
        folder,
        scale=images.scale,
        cache=cache,
        degradation=_usual_degradation(images.scale),
        counts=_counts(contestants, asked),
        skip_bad=asked.skip_bad,
    )
    pairs = zip(images.hr.images, gray.hr.images, strict=True)
    return frozenset(index for index, (luma, plain) in enumerate(pairs) if luma.digest != plain.digest)


def seen_by(contestant: Contestant, images: ImageSet, peak: float | None, coloured: frozenset[int]) -> ImageSet:
    """Return the images with the contestant's normalisation, or with their own if its recipe is unknown.

    The luma of `coloured` images is in 16..235. A network that was trained on luma in full range sees it in full range.
    """
    normalisation = images.normalisation
    if contestant.recipe is not None:
        peak = normalisation.peak if peak is None else peak
        normalisation = Normalisation.stored(contestant.recipe)
    # The normalisation `image` stretches the luma of each image already.
    is_full = contestant.luma == "full" and normalisation.kind != "image"
    return replace(images.normalised(normalisation, peak), studio=coloured if is_full else frozenset())


def common(kind: str, values: Sequence[T], advice: str = ";") -> T:
    """Return the value that all models share. Raises InputError, with `advice`, if there are several."""
    distinct: list[T] = []
    for value in values:
        if value not in distinct:
            distinct.append(value)
    if len(distinct) > 1:
        named = ", ".join(_in_words(value) for value in distinct)
        raise InputError(f"The models have different {kind} ({named}){advice} evaluate them in separate commands.")
    return distinct[0]


def _counts(contestants: Sequence[Contestant], asked: Conditions) -> Counts | None:
    """Return the scale of float and signed images: the one asked for, or that of the models' training."""
    if asked.counts:
        return Counts.parse(asked.counts)
    scales = [c.recipe.get("counts") for c in contestants if c.recipe is not None]
    kept = common("scales of counts", scales or [None], "; give --counts, or")
    return Counts.model_validate(kept) if kept else None


def _usual_degradation(scale: int) -> str:
    return "bicubic" if scale > 1 else "noise"


def _in_words(value: object) -> str:
    if value is None:
        return "none"
    return label_of(value) if isinstance(value, Mapping) else str(value)
