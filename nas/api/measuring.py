"""Measurement of models on a folder of images by one protocol."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypedDict, Unpack

from nas.api.calls import check_counts, public_call
from nas.api.events import Callback, counted
from nas.api.given import Device, Scaling, device_of, parse_counts
from nas.api.models import TrainedModel
from nas.evaluation.comparison import BICUBIC, Evaluation, compare
from nas.evaluation.conditions import Conditions
from nas.evaluation.contestant import Contestant, load_contestant
from nas.files import check_writable
from nas.jobs.locating import find_weights, locate
from nas.model import RESULTS
from nas.progress import Progress
from nas.report.evaluation_files import write_csv, write_pictures

_CROPS = 3
"""Number of the best and of the worst crops in the picture of a network."""


class Options(TypedDict, total=False):
    """Options of a measurement, explained at `evaluate`."""

    metrics: str | Sequence[str]
    lpips_weights: str | Path | None
    scale: int | None
    shave: int | None
    channel: str
    self_ensemble: bool
    degradation: str | None
    counts: Scaling
    denoise: str | Path | TrainedModel | None
    peak: float | None
    csv: str | Path | None
    pictures: str | Path | None
    skip_bad: bool
    device: Device
    results: str | Path
    callback: Callback | None


@public_call()
def evaluate(
    models: str | Path | TrainedModel | Sequence[str | Path | TrainedModel],
    data: str | Path,
    **options: Unpack[Options],
) -> Evaluation:
    """Measure models and bicubic interpolation on a folder of images, by one protocol.

    Args:
        models: One or more models: model directories, `SPACE/POINT`, `RUN:TRIAL`, checkpoints of others, `"bicubic"`,
            or what `nas.load` returned.
        data: Folder of images.
        options: All are optional.
            metrics: Names, in a list or with commas: psnr, ssim, ms-ssim, psnr-hvs, lpips, … Default: psnr and ssim.
            lpips_weights: File with weights of torchvision's AlexNet, VGG-16 or SqueezeNet.
            scale: Scale of bicubic interpolation. Default: that of the models, else 2.
            shave: Width of the border that is left out, in pixels. Default: the scale.
            channel: `"gray"`, or `"y"` for the luma of PSNR-Y.
            self_ensemble: Whether to take the mean of 8 flips and rotations.
            degradation: Makes the LR images. Default: as for the training.
            counts: Scale and offset of images without 8 or 16 bits. Default: those of the models.
            denoise: A denoiser that the LR images go through first. Default: as for the training.
            peak: Peak value of PSNR. Default: as for the training.
            csv: File that gets a row for each image and network.
            pictures: Folder that gets a picture of the best and worst crops of each network.
            skip_bad: Whether to leave unreadable images out.
            device: The device of the computation. Default: a GPU if there is one.
            results: The folder with trained networks and the cache of images.
            callback: Receives the number of measured images.

    Returns:
        The evaluation: `means` has the figures by network and metric, `rows` also those of each image, `protocol` the
        conditions.

    Raises:
        InputError: A model or the folder is missing, or the models can't be compared by one protocol.

    Example:
        >>> measured = nas.evaluate("camera", "images/val", metrics=["psnr"])
        >>> measured.means["camera"]["psnr"] > 0
        True
        >>> measured.protocol.shave
        2
    """
    several = [models] if isinstance(models, str | Path | TrainedModel) else models
    return measure(several, data, counted(options.get("callback"), "measuring"), **options)[0]


@public_call()
def measure(
    models: Sequence[str | Path | TrainedModel],
    data: str | Path,
    progress: Progress | None,
    say: Callable[[str], None] | None = None,
    **options: Unpack[Options],
) -> tuple[Evaluation, list[Path]]:
    """Measure as `evaluate` does, with `progress`, and return the evaluation and the written files.

    `say` receives which training each `RUN:TRIAL` stands for; without it a brief training is a warning.
    """
    results, csv, pictures = Path(options.get("results", RESULTS)), options.get("csv"), options.get("pictures")
    scale = options.get("scale")
    check_counts(1, scale=scale)
    check_counts(0, shave=options.get("shave"))
    where = device_of(options.get("device"))
    table, folder = check_writable(csv, "csv"), check_writable(pictures, "pictures", folder=True)
    contestants = [_contestant(name, scale, results, say) for name in dict.fromkeys(models) if str(name) != BICUBIC]
    conditions = _conditions(options, results)
    evaluation = compare(contestants, Path(data), results / "cache", where, conditions, progress)
    paths = []
    if table:
        write_csv(evaluation, table)
        paths.append(table)
    if folder:
        paths += write_pictures(evaluation, folder)
    return evaluation, paths


def _contestant(
    model: str | Path | TrainedModel, scale: int | None, results: Path, say: Callable[[str], None] | None
) -> Contestant:
    if isinstance(model, TrainedModel):
        return load_contestant(str(model.folder), model.folder)
    found = find_weights(str(model), scale, results)
    if say:
        say(found.told)
    elif found.is_brief:
        warnings.warn(found.told, stacklevel=4)
    return load_contestant(found.name, found.folder)


def _conditions(options: Options, results: Path) -> Conditions:
    metrics = options.get("metrics", ("psnr", "ssim"))
    names = metrics.split(",") if isinstance(metrics, str) else metrics
    counts, weights = parse_counts(options.get("counts")), options.get("lpips_weights")
    denoiser = options.get("denoise")
    if denoiser is not None:
        denoiser = denoiser.folder if isinstance(denoiser, TrainedModel) else locate(str(denoiser), results=results)
    return Conditions(
        metrics=tuple(name.strip() for name in names if name.strip()),
        weights={"lpips": Path(weights)} if weights else {},
        scale=options.get("scale"),
        degradation=options.get("degradation"),
        counts=str(counts) if counts else None,
        denoiser=str(denoiser) if denoiser else None,
        peak=options.get("peak"),
        shave=options.get("shave"),
        channel=options.get("channel", "gray"),
        self_ensemble=options.get("self_ensemble", False),
        crops=_CROPS if options.get("pictures") is not None else 0,
        skip_bad=options.get("skip_bad", False),
    )
