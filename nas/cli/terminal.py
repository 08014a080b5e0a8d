"""Options that several commands have, and how they print."""

import math
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from nas.duration import duration as duration
from nas.errors import InputError
from nas.files import check_writable
from nas.report.console import PlainConsole
from search_spaces.documents import DocumentError, parse_yaml, shortened

OUT = PlainConsole()
"""Standard output, which holds results alone."""

MANY = 1_000_000_000
"""The most that an option counts: trials, steps, images."""

LARGEST = 2**31 - 1
"""The largest seed."""

PROCESSES = 1024
"""The most processes, or threads, at a time."""

MOST_SCALE = 16

NETWORKS, TRAINING, IMAGES, COSTS = "Networks", "Training", "Images", "Costs"
OUTPUT, MACHINE = "Output", "Where it runs"
"""The groups of options in `--help`, as far as several commands have them."""

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


check_target = check_writable


def positive(value: float | None) -> float | None:
    """Return what a numeric option was given; None where it was not. Raises BadParameter unless finite and above 0."""
    if value is not None and not (math.isfinite(value) and value > 0):
        raise typer.BadParameter(f"{value} is not a finite number above 0.")
    return value


def several(values: list[str] | None) -> tuple[str, ...] | None:
    """Return what an option was given, once or several times; None where it was not."""
    return tuple(values) if values else None


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


def rung_steps(text: str | None, *, no_rungs: bool) -> tuple[int, ...] | None:
    """Return the steps in `100,300,900`, none for `no_rungs`; None where neither is given. Raises InputError."""
    if text is None:
        return () if no_rungs else None
    if no_rungs:
        raise InputError("--rungs and --no-rungs exclude each other; give one of them.")
    parts = [part.strip() for part in text.split(",")]
    steps = tuple(int(part) for part in parts if part.isdecimal() and 0 < int(part[:10]) <= MANY)
    if len(steps) < len(parts) or list(steps) != sorted(set(steps)):
        raise InputError(f"--rungs '{shortened(text)}' are no increasing numbers of steps; write them as 100,300,900.")
    return steps
