"""Options that several commands have, and where they print."""

import re
import time
from typing import Annotated

import typer
from rich.console import Console

from nas.errors import InputError

STARTED = time.monotonic()
"""When the command was given: what loading takes is part of a `--time`."""

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
CountsScale = Annotated[
    str | None,
    typer.Option(
        "--counts",
        metavar="SCALE,OFFSET",
        help="Of float or signed images: value = offset + scale x count. Default: the model's, or images.yaml.",
    ),
]

SYNTHETIC = (
    "No --data given: these are SYNTHETIC thermal scenes, to try things out. Give your own images with --data DIR."
)


def several(values: list[str] | None) -> tuple[str, ...] | None:
    """Return what an option was given, once or several times; None where it was not."""
    return tuple(values) if values else None


def duration(text: str | None) -> float | None:
    """Return the seconds in `90s`, `20m` or `2h`; None for None. Raises InputError."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh])", text.strip())
    if not match:
        raise InputError(f"'{text}' is not a time; write it as 90s, 20m or 2h.")
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]
