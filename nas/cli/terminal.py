"""Options that several commands have, and how they print."""

import math
import os
import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from nas.errors import InputError
from nas.report.console import PlainConsole
from nas.search.option import COSTS, IMAGES, MACHINE, MOST_SCALE, NETWORKS
from search_spaces.documents import shortened

OUT = PlainConsole()
"""Standard output, which holds results alone."""

_YEAR = 366 * 24 * 3600

OUTPUT = "Output"
"""A group of options in `--help`, beside those of a search."""

Device = Annotated[
    str | None,
    typer.Option(
        metavar="DEVICE",
        rich_help_panel=MACHINE,
        help="cpu, cuda, cuda:1, ... Default: a GPU where there is one, else cpu.",
    ),
]
Json = Annotated[bool, typer.Option("--json", rich_help_panel=OUTPUT, help="Print JSON instead of a table.")]
Scale = Annotated[
    int, typer.Option("--scale", min=1, max=MOST_SCALE, rich_help_panel=NETWORKS, help="Scale; 1 for denoisers.")
]
SearchScale = Annotated[
    int | None,
    typer.Option(
        "--scale", min=1, max=MOST_SCALE, rich_help_panel=NETWORKS, help="Scale; 1 for denoisers. Default: 2."
    ),
]
SkipBad = Annotated[
    bool | None,
    typer.Option("--skip-bad", rich_help_panel=IMAGES, help="Leave unreadable images out instead of stopping."),
]
PointScale = Annotated[
    int | None,
    typer.Option(
        "--scale",
        min=1,
        max=MOST_SCALE,
        rich_help_panel=NETWORKS,
        help="Scale of published networks. Default: the scale of the publication.",
    ),
]
Storage = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        rich_help_panel=MACHINE,
        help="Database of the study, a SQLAlchemy URL. Default: study.db in the folder of the run.",
    ),
]
HrSize = Annotated[
    str | None,
    typer.Option(
        "--hr", metavar="WxH", rich_help_panel=COSTS, help="HR image that costs are counted for. Default: 1280x720."
    ),
]
LrSize = Annotated[
    str | None,
    typer.Option(
        "--lr",
        metavar="WxH",
        rich_help_panel=COSTS,
        help="LR image that costs are counted for, such as your sensor's 640x512. Default: --hr divided by the scale.",
    ),
]
LatencyCommand = Annotated[
    str | None,
    typer.Option(
        metavar="COMMAND",
        rich_help_panel=COSTS,
        help="Command that prints the latency in ms of the ONNX file {model} on your device. Default: ONNX Runtime on "
        "this CPU.",
    ),
]
CountsScale = Annotated[
    str | None,
    typer.Option(
        "--counts",
        metavar="SCALE,OFFSET",
        rich_help_panel=IMAGES,
        help="What float or signed images hold: value = OFFSET + SCALE x count. Default: the model's, or images.yaml.",
    ),
]

SYNTHETIC = (
    "No --data given: these are SYNTHETIC thermal scenes, to try things out. Give your own images with --data DIR."
)


def say(*lines: str) -> None:
    """Print lines to standard output as they are: what a user gave, such as a path, is never taken for markup."""
    for line in lines:
        OUT.print(line)


def show(table: Table) -> None:
    """Print a table to standard output."""
    OUT.show(table)


def show_json(data: Any) -> None:
    """Print plain data to standard output as JSON, in ASCII, so that every name survives every terminal and pipe."""
    OUT.print_json(data=data, ensure_ascii=True)


def wrote(paths: Iterable[Path | str]) -> None:
    """Tell which files were written."""
    say(*(f"Wrote {path}" for path in paths))


def command(*words: str | Path) -> str:
    """Return a command of this program as it can be pasted into a shell."""
    return shlex.join(["nas", *map(str, words)])


def check_target(path: str | None, option: str, *, folder: bool = False) -> Path | None:
    """Return where a file (or a `folder`) is to be written, None for None.

    Raises InputError where that can be told to fail, so that it is told before the work and not after it.
    """
    if path is None:
        return None
    target = Path(path)
    above = next(place for place in (target, *target.absolute().parents) if place.exists())
    reason = ""
    if target.is_dir() and not folder:
        reason = "it is a folder"
    elif above.is_file() and (folder or above != target):
        reason = f"{above} is a file"
    elif not os.access(above, os.W_OK):
        reason = f"{above} may not be written to"
    if reason:
        raise InputError(f"{option} {path} can't be written: {reason}.")
    return target


def positive(value: float | None) -> float | None:
    """Return what a numeric option was given; None where it was not. Raises BadParameter unless finite and above 0."""
    if value is not None and not (math.isfinite(value) and value > 0):
        raise typer.BadParameter(f"{value} is not a finite number above 0.")
    return value


def several(values: list[str] | None) -> tuple[str, ...] | None:
    """Return what an option was given, once or several times; None where it was not."""
    return tuple(values) if values else None


def duration(text: str | None) -> float | None:
    """Return the seconds in `90s`, `20m` or `2h`, at most a year; None for None. Raises InputError."""
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([smh])", text.strip())
    if not match:
        raise InputError(f"'{shortened(text)}' is not a time; write it as 90s, 20m or 2h.")
    seconds = float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]
    if seconds > _YEAR:
        raise InputError(f"'{shortened(text)}' is more than a year; write a time as 90s, 20m or 2h.")
    return seconds
