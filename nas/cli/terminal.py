"""Options of several commands, and their output."""

import math
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from nas.duration import duration as duration
from nas.files import check_writable
from nas.report.console import LiteralConsole
from nas.search.option import COSTS, IMAGES, MACHINE, MOST_SCALE, NETWORKS

OUT = LiteralConsole()
"""Standard output, which holds only results."""

OUTPUT = "Output"
"""A group of options in `--help`, in addition to those of a search."""

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
    "No --data given: these are SYNTHETIC thermal scenes, for a trial only. Give your own images with --data DIR."
)


def say(*lines: str) -> None:
    """Print lines to standard output literally: a path, for instance, is never taken for markup."""
    for line in lines:
        OUT.print(line)


def show(table: Table) -> None:
    """Print a table to standard output."""
    OUT.show(table)


def show_json(data: Any) -> None:
    """Print plain data to standard output as JSON in ASCII, so that no terminal or pipe changes a name."""
    OUT.print_json(data=data, ensure_ascii=True)


def wrote(paths: Iterable[Path | str]) -> None:
    """Print the paths of written files."""
    say(*(f"Wrote {path}" for path in paths))


def command(*words: str | Path) -> str:
    """Return a command of this program as it can be pasted into a shell."""
    return shlex.join(["nas", *map(str, words)])


check_target = check_writable


def positive(value: float | None) -> float | None:
    """Return the value of an option, None if not given. Raises BadParameter unless it is finite and above 0."""
    if value is not None and not (math.isfinite(value) and value > 0):
        raise typer.BadParameter(f"{value} is not a finite number above 0.")
    return value


def several(values: list[str] | None) -> tuple[str, ...] | None:
    """Return the values of a repeatable option; None if not given."""
    return tuple(values) if values else None
