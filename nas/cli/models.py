"""Commands on trained models: measure, export, import."""

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
from nas.report.progress import NOTES, CountDisplay
from nas.search.option import IMAGES, MOST_SCALE

METRICS = "Metrics"
"""A group of options."""

Trained = Annotated[
    str, typer.Argument(metavar="MODEL", help="A model directory; RUN:TRIAL or SPACE/POINT once it is trained.")
]


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
            say=_note,
        )
    if as_json:
        show_json(evaluation_data(evaluation))
        return
    for table in evaluation_tables(evaluation, f"On {data}"):
        show(table)
    say(f"Protocol: {evaluation.protocol.describe()}.")
    say(*evaluation.notes)
    wrote(paths)


def export(
    model: Trained,
    to: Annotated[str, typer.Option(metavar="DIR", help="A new folder.")],
    target: Annotated[
        str | None,
        typer.Option(
            "--for", metavar="CHIP", help="Chip or runtime that nas targets lists, or a YAML file. Default: none."
        ),
    ] = None,
    lr: Annotated[
        str | None, typer.Option(metavar="WxH", help="The fixed size of LR images, as 640x512. Default: any size.")
    ] = None,
    opset: Annotated[
        int | None,
        typer.Option(min=13, max=20, help="Opset of ONNX, 13 to 20. Default: 18, or the nearest that the chip reads."),
    ] = None,
    integers: Annotated[
        int | None,
        typer.Option(
            min=8, max=16, metavar="8|16", help="Bits of the integers that go in and out. Default: float32 values."
        ),
    ] = None,
    half: Annotated[bool, typer.Option("--half", help="Compute in float16; the image skip stays float32.")] = False,
    int8: Annotated[
        str | None,
        typer.Option(
            metavar="residual|full", help="Also write an int8 file, with or without an exact image path. Default: none."
        ),
    ] = None,
    data: Annotated[
        str | None, typer.Option(metavar="DIR", help="Images that calibrate and measure int8. Default: none.")
    ] = None,
    check: Annotated[
        str | None, typer.Option(metavar="LOSS", help="Exit with 1 if int8 costs more, as 0.1dB. Default: any loss.")
    ] = None,
) -> None:
    """Export a model: architecture, weights, ONNX and the recipe to train it again; each is verified."""
    from nas.api.models import load
    from nas.jobs.exporting import check_loss, parse_loss

    check_target(to, "--to", folder=True)
    most = None if check is None else parse_loss(check, int8)
    done = load(weights_of(model)).export(
        to, target=target, lr=lr, opset=opset, bits=integers, half=half, int8=int8, data=data
    )
    wrote(done.files)
    say(f"ONNX Runtime and PyTorch differ by at most {done.onnx_difference:.1e} of the range 0..1.")
    if done.int8:
        say(done.int8.in_words)
    say(f"Train it again: {done.command}")
    if most is not None and done.int8:
        check_loss(done.int8, most)


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


def weights_of(model: str) -> Path:
    """Return the model directory of a name, and print which training `RUN:TRIAL` stands for."""
    from nas.jobs.locating import find_weights

    found = find_weights(model)
    _note(found.told)
    return found.folder


def _note(told: str) -> None:
    if told:
        NOTES.print(f"Note: {told}")
