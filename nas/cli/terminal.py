"""Options that several commands have, and where they print."""

from typing import Annotated

import typer
from rich.console import Console

OUT = Console(highlight=False)

Device = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1 …; default: a GPU where there is one.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
PointScale = Annotated[int | None, typer.Option("--scale", help="Scale of published points. Default: their own.")]
Storage = Annotated[str | None, typer.Option(help="SQLAlchemy URL of the study; default: study.db in the run.")]
HrSize = Annotated[str | None, typer.Option("--hr", help="HR image that costs are for. Default: 1280x720.")]
LrSize = Annotated[str | None, typer.Option("--lr", help="The same by its LR image, e.g. your sensor: 640x512.")]
LatencyCommand = Annotated[
    str | None,
    typer.Option(help="Prints the ms of the ONNX file {model} on your device. Default: ONNX Runtime on this CPU."),
]

SYNTHETIC = (
    "No --data given: these are SYNTHETIC thermal scenes, to try things out. Give your own images with --data DIR."
)
