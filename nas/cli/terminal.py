"""Options that several commands have, and where they print."""

import re
from typing import Annotated, Any

import typer
from rich.console import Console

from nas.errors import InputError
from search_spaces.documents import DocumentError, parse_yaml, shortened

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


def several(values: list[str] | None) -> tuple[str, ...] | None:
    """Return what an option was given, once or several times; None where it was not."""
    return tuple(values) if values else None


def duration(text: str | None) -> float | None:
    """Return the seconds in `90s`, `20m` or `2h`; None for None. Raises InputError."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*([smh])", text.strip(), re.ASCII)
    if not match:
        raise InputError(f"'{shortened(text)}' is not a time; write it as 90s, 20m or 2h.")
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]


def fixed_choices(pairs: list[str] | None) -> dict[str, Any] | None:
    """Return the choices in `cell1.width=32`, whose values are read as YAML; None for None. Raises InputError."""
    if not pairs:
        return None
    split = [pair.partition("=") for pair in pairs]
    if wrong := next((name for name, equals, _ in split if not equals), None):
        raise InputError(f"--fix {shortened(wrong)} lacks a value; write it as cell1.width=32.")
    try:
        return {name: parse_yaml(value, f"The value of --fix {shortened(name)}") for name, _, value in split}
    except DocumentError as error:
        raise InputError(str(error)) from None
