"""The command that exports a trained model."""

from typing import Annotated

import typer

from nas.cli.terminal import check_target, say, wrote
from nas.cli.weights import Trained, weights_of


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
