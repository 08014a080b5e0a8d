"""Commands around trained models: train, measure, export, upscale."""

from pathlib import Path
from typing import Annotated

import typer

from nas.cli.terminal import (
    MANY,
    MOST_SCALE,
    OUT,
    PROCESSES,
    SYNTHETIC,
    CountsScale,
    Device,
    Json,
    PointScale,
    SkipBad,
    Storage,
    check_target,
    positive,
    say,
    show,
    show_json,
    wrote,
)
from nas.errors import RunError
from nas.interrupt import StopFlag
from nas.parallel.placement import Room
from nas.report.progress import NOTES, CountDisplay, TrainingDisplay
from nas.training.trainer import pick_device

Trained = Annotated[str, typer.Argument(help="A model directory, or RUN:TRIAL or SPACE/POINT once it is trained.")]


def train(
    what: Annotated[list[str], typer.Argument(metavar="RUN|ARCH...", help="A run (its front), or architectures.")],
    top: Annotated[int, typer.Option(min=1, max=MANY, help="How many networks of a run's front.")] = 3,
    recipe: Annotated[str, typer.Option(help="A recipe's name or YAML file.")] = "full",
    steps: Annotated[int | None, typer.Option(min=1, max=MANY, help="Train for so many steps instead.")] = None,
    degradation: Annotated[str | None, typer.Option(help="Makes the LR images. Default: the recipe's.")] = None,
    counts: CountsScale = None,
    data: Annotated[str | None, typer.Option(help="Folder of images; default: the run's.")] = None,
    scale: PointScale = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, max=PROCESSES, help="Networks at a time. Default: as many as fit.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, max=PROCESSES, help="CPU threads of each. Default: a fair share.")
    ] = None,
    tensorboard: Annotated[str | None, typer.Option(metavar="DIR", help="Also log for TensorBoard, there.")] = None,
    storage: Storage = None,
    skip_bad: SkipBad = None,
    device: Device = None,
) -> None:
    """Train a run's front, or named architectures, fully; the same command again goes on."""
    from nas.jobs.full_training import train_job
    from nas.jobs.training_plan import plan
    from nas.report.tables import trained_table
    from nas.training.group import joined_group

    logs = check_target(tensorboard, "--tensorboard", folder=True)
    with joined_group() as group:
        NOTES.quiet = OUT.quiet = not group.is_main
        where = group.own_device(pick_device(device))
        with group.main_first():
            job = plan(
                what,
                where,
                top=top,
                recipe=recipe,
                steps=steps,
                degradation=degradation,
                counts=counts,
                data=data,
                scale=scale,
                storage=storage,
                skip_bad=skip_bad,
            )
        if job.data.synthetic:
            NOTES.print(SYNTHETIC)
        for note in job.notes:
            NOTES.print(f"Note: {note}")
        with StopFlag() as stop, TrainingDisplay() as display:
            done = train_job(
                job,
                where,
                display,
                stop,
                jobs=jobs,
                threads=threads,
                tensorboard=logs,
                group=group,
                introduce=lambda room: _introduce(room, len(job.architectures)),
            )
    if done.models:
        show(trained_table(done.models, f"In {job.folder}, trained by the recipe '{job.recipe.name}'"))
        say(f"Wrote {done.summary}")
    if done.failures:
        raise RunError(f"{', '.join(done.failures)} failed, as said above; the same command tries again.")


def _introduce(room: Room, count: int) -> None:
    if count > 1:
        NOTES.print(room.describe(count))


def evaluate(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...", help="Model directories, SPACE/POINT, RUN:TRIAL, checkpoints of others, bicubic."
        ),
    ],
    data: Annotated[str, typer.Option(help="Folder of images.")],
    metrics: Annotated[str, typer.Option(help="Names with commas: psnr,ssim,ms-ssim,psnr-hvs,lpips …")] = "psnr,ssim",
    lpips_weights: Annotated[str | None, typer.Option(help="AlexNet, VGG-16 or SqueezeNet of torchvision.")] = None,
    scale: Annotated[
        int | None, typer.Option(min=1, max=MOST_SCALE, help="Scale of the bicubic row. Default: the models', else 2.")
    ] = None,
    shave: Annotated[
        int | None, typer.Option(min=0, max=65536, help="Border left out. Default: as wide as the scale.")
    ] = None,
    channel: Annotated[str, typer.Option(help="gray, or y: the luma of PSNR-Y for coloured images.")] = "gray",
    self_ensemble: Annotated[bool, typer.Option("--self-ensemble", help="Mean of 8 flips and rotations.")] = False,
    degradation: Annotated[str | None, typer.Option(help="Makes the LR images. Default: as for the training.")] = None,
    counts: CountsScale = None,
    denoise: Annotated[str | None, typer.Option(help="Model that denoises them. Default: as for the training.")] = None,
    peak: Annotated[
        float | None,
        typer.Option(max=65535, callback=positive, help="What PSNR is against: 16383. Default: as for the training."),
    ] = None,
    csv: Annotated[str | None, typer.Option(help="File for one row an image and network.")] = None,
    pictures: Annotated[str | None, typer.Option(help="Folder for each network's best and worst crops.")] = None,
    skip_bad: SkipBad = None,
    as_json: Json = False,
    device: Device = None,
) -> None:
    """Measure models and bicubic interpolation on a folder of images, by one protocol that is printed."""
    from nas.api.measuring import measure
    from nas.report.evaluation_files import evaluation_data
    from nas.report.tables import evaluation_tables

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
        )
    if as_json:
        show_json(evaluation_data(evaluation))
        return
    for table in evaluation_tables(evaluation, f"On {data}"):
        show(table)
    say(f"Protocol: {evaluation.protocol.describe()}.")
    say(*evaluation.notes)
    wrote(paths)


def export(model: Trained, to: Annotated[str, typer.Option(help="A new folder.")]) -> None:
    """Export a model: architecture, weights, ONNX and the recipe to train it again, each verified."""
    from nas.api.models import load

    check_target(to, "--to", folder=True)
    done = load(model).export(to)
    wrote(done.files)
    say(f"ONNX Runtime and PyTorch differ by at most {done.onnx_difference:.1e} of the range 0..1.")
    say(f"Train it again: {done.command}")


def import_(
    point: Annotated[str, typer.Argument(metavar="SPACE/POINT", help="The published network.")],
    checkpoint: Annotated[str, typer.Argument(help="Its weights: .pth, .pt, .safetensors, or .pb of FALSR/MoreMNAS.")],
    to: Annotated[str, typer.Option(help="A new folder.")],
    to_gray: Annotated[bool, typer.Option("--to-gray", help="Make a colour network one of a single channel.")] = False,
    scale: Annotated[
        int | None, typer.Option(min=1, max=MOST_SCALE, help="Default: found out from the weights.")
    ] = None,
) -> None:
    """Make a model directory of a published network with the weights that its authors released."""
    from nas.convert.importing import describe, import_checkpoint

    check_target(to, "--to", folder=True)
    model = import_checkpoint(point, Path(checkpoint), Path(to), scale, to_gray)
    say(f"Wrote {to}: {describe(model)}")
    if model.architecture.channels != 1:
        say("Infrared images have one channel: import it with --to-gray to use it on them.")


def upscale(
    model: Trained,
    source: str,
    target: str,
    denoise: Annotated[str | None, typer.Option(help="Model that denoises the images first.")] = None,
    noise: Annotated[
        float | None,
        typer.Option(max=255, callback=positive, help="Noise that a denoiser expects, in grey levels of 255."),
    ] = None,
    tile: Annotated[
        int, typer.Option(min=1, max=65536, help="Side of a tile in LR pixels, where tiles leave no seam.")
    ] = 256,
    counts: CountsScale = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    device: Device = None,
) -> None:
    """Upscale (with a denoiser: denoise) an image or a folder of images; types and units are kept."""
    from nas.api.models import load

    with CountDisplay("upscaling") as progress:
        paths = load(model).upscale_files(
            source,
            target,
            denoise=denoise,
            noise=noise,
            tile=tile,
            counts=counts,
            overwrite=overwrite,
            device=device,
            callback=lambda event: progress(event.done, event.total),
        )
    say(f"Wrote {paths[0]}" if len(paths) == 1 else f"Wrote {len(paths)} images to {target}")
