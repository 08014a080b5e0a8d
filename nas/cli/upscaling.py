"""The command that upscales images and videos."""

from typing import Annotated

import typer

from nas.cli.terminal import OUTPUT, CountsScale, Device, Json, positive, say, show_json
from nas.cli.weights import Trained, weights_of
from nas.report.progress import NOTES, CountDisplay


def upscale(
    model: Trained,
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Images, videos, folders, or patterns such as 'night/*.png'; - for standard input.",
        ),
    ],
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET", help="The file to write; for several sources a folder; - for standard output."
        ),
    ],
    denoise: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Denoiser that the images go through first. Default: no denoiser."),
    ] = None,
    noise: Annotated[
        float | None,
        typer.Option(
            max=255,
            callback=positive,
            help="Noise that a denoiser expects, in grey levels of 255. Default: the denoiser's own.",
        ),
    ] = None,
    tile: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65536,
            help="Side of a tile, in LR pixels, where tiles leave no seam. Default: what is fast and fits into memory.",
        ),
    ] = None,
    counts: CountsScale = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="png|tif",
            rich_help_panel=OUTPUT,
            help="Format of standard output. Default: that of the input.",
        ),
    ] = None,
    as_json: Json = False,
    device: Device = None,
) -> None:
    """Upscale (with a denoiser: denoise) images and videos; types, units and metadata are kept."""
    from nas.api.models import load

    trained, denoiser = weights_of(model), weights_of(denoise) if denoise else None
    with CountDisplay("upscaling") as progress:
        done = load(trained).upscale_files(
            sources,
            target,
            denoise=denoiser,
            noise=noise,
            tile=tile,
            counts=counts,
            overwrite=overwrite,
            format=format_,
            device=device,
            callback=lambda event: progress(event.done, event.total),
        )
    if target == "-":
        NOTES.print(f"Upscaled {done.throughput}.")
        return
    if as_json:
        show_json({"files": [str(path) for path in done], **done.throughput.to_dict()})
        return
    say(f"Wrote {done[0]}" if len(done) == 1 else f"Wrote {len(done)} images to {target}")
    say(f"Upscaled {done.throughput}.")
