"""Commands on trained models: measure, import."""

from pathlib import Path
from typing import Annotated

import typer

from nas.cli.terminal import (
    OUTPUT,
    CountsScale,
    Device,
    Json,
    SkipBad,
    check_target,
    positive,
    say,
    show,
    show_json,
    wrote,
)
from nas.cli.weights import note
from nas.report.progress import CountDisplay
from nas.search.option import IMAGES, MOST_SCALE

METRICS = "Metrics"
"""A group of options."""


def evaluate(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="Model directories, RUN:TRIAL, SPACE/POINT, checkpoints of others, or bicubic.",
        ),
    ],
    data: Annotated[str, typer.Option(metavar="DIR", rich_help_panel=IMAGES, help="Folder of images.")],
    degradation: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=IMAGES, help="Makes the LR images: a name or a YAML file. Default: that of the training."
        ),
    ] = None,
    counts: CountsScale = None,
    denoise: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            rich_help_panel=IMAGES,
            help="Denoiser that the LR images go through first. Default: that of the training.",
        ),
    ] = None,
    skip_bad: SkipBad = None,
    metrics: Annotated[
        str,
        typer.Option(rich_help_panel=METRICS, help="Names with commas: psnr,ssim,ms-ssim,psnr-hvs,lpips, ..."),
    ] = "psnr,ssim",
    scale: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MOST_SCALE,
            rich_help_panel=METRICS,
            help="Scale of the row `bicubic`. Default: the models' scale, without models 2.",
        ),
    ] = None,
    shave: Annotated[
        int | None,
        typer.Option(
            min=0, max=65536, rich_help_panel=METRICS, help="Border that is left out, in pixels. Default: the scale."
        ),
    ] = None,
    channel: Annotated[
        str, typer.Option(rich_help_panel=METRICS, help="gray, or y: the luma of PSNR-Y for coloured images.")
    ] = "gray",
    peak: Annotated[
        float | None,
        typer.Option(
            max=65535,
            callback=positive,
            rich_help_panel=METRICS,
            help="Peak value of PSNR, e.g. 16383. Default: that of the training.",
        ),
    ] = None,
    self_ensemble: Annotated[
        bool,
        typer.Option("--self-ensemble", rich_help_panel=METRICS, help="Use the mean over 8 flips and rotations."),
    ] = False,
    lpips_weights: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=METRICS,
            help="Weights of AlexNet, VGG-16 or SqueezeNet by torchvision; lpips needs them.",
        ),
    ] = None,
    csv: Annotated[
        str | None,
        typer.Option(metavar="FILE", rich_help_panel=OUTPUT, help="Also write a row for each image and network."),
    ] = None,
    pictures: Annotated[
        str | None,
        typer.Option(metavar="DIR", rich_help_panel=OUTPUT, help="Also draw each network's best and worst crops."),
    ] = None,
    as_json: Json = False,
    device: Device = None,
) -> None:
    """Measure models and bicubic interpolation on a folder of images by one protocol, which is printed."""
    from nas.api.measuring import measure
    from nas.report.evaluation_files import evaluation_data
    from nas.report.model_tables import evaluation_tables

    check_target(csv, "--csv")
    check_target(pictures, "--pictures", folder=True)
    with CountDisplay("measuring") as progress:
        evaluation, paths = measure(
            models,
            data,
            progress,
            metrics=metrics,
            lpips_weights=lpips_weights,
            scale=scale,
            shave=shave,
            channel=channel,
            self_ensemble=self_ensemble,
            degradation=degradation,
            counts=counts,
            denoise=denoise,
            peak=peak,
            csv=csv,
            pictures=pictures,
            skip_bad=bool(skip_bad),
            device=device,
            say=note,
        )
    if as_json:
        show_json(evaluation_data(evaluation))
        return
    for table in evaluation_tables(evaluation, f"On {data}"):
        show(table)
    say(f"Protocol: {evaluation.protocol.describe()}.")
    say(*evaluation.notes)
    wrote(paths)


def import_(
    point: Annotated[str, typer.Argument(metavar="SPACE/POINT", help="The published network.")],
    checkpoint: Annotated[
        str,
        typer.Argument(metavar="FILE", help="Its weights: .pth, .pt, .safetensors, or .pb of FALSR and MoreMNAS."),
    ],
    to: Annotated[str, typer.Option(metavar="DIR", help="A new folder.")],
    to_gray: Annotated[
        bool, typer.Option("--to-gray", help="Turn a network of three channels into one of a single channel.")
    ] = False,
    scale: Annotated[
        int | None, typer.Option(min=1, max=MOST_SCALE, help="Scale. Default: the scale of the weights.")
    ] = None,
) -> None:
    """Make a model directory of a published network from the weights of its authors."""
    from nas.convert.importing import describe, import_checkpoint

    check_target(to, "--to", folder=True)
    model = import_checkpoint(point, Path(checkpoint), Path(to), scale, to_gray)
    say(f"Wrote {to}: {describe(model)}")
    if model.architecture.channels != 1:
        say("Infrared images have one channel; import the network with --to-gray to use it on them.")
