"""The argument that names a trained model, and how it is found."""

from pathlib import Path
from typing import Annotated

import typer

from nas.report.progress import NOTES

Trained = Annotated[
    str, typer.Argument(metavar="MODEL", help="A model directory; RUN:TRIAL or SPACE/POINT once it is trained.")
]


def weights_of(model: str) -> Path:
    """Return the model directory of a name, and print which training `RUN:TRIAL` stands for."""
    from nas.jobs.locating import find_weights

    found = find_weights(model)
    note(found.told)
    return found.folder


def note(told: str) -> None:
    """Print a note, unless it is empty."""
    if told:
        NOTES.print(f"Note: {told}")
