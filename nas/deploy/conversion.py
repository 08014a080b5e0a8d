"""What a compiler needs beside an ONNX file: a script that runs it, and calibration inputs."""

from collections.abc import Iterable
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from nas.deploy.target import Target
from nas.files import write_atomic

CALIBRATION, CONVERT = "calibration", "convert.py"

_FOLDER = Path(__file__).parent / "converters"


def write_converter(folder: Path, target: Target) -> None:
    """Write the script that converts model.onnx for a target, if there is one for its compiler."""
    if target.converter:
        script = (_FOLDER / f"{target.converter}.py.txt").read_text(encoding="utf-8")
        write_atomic(folder / CONVERT, Template(script).safe_substitute(platform=target.name))


def write_calibration(folder: Path, inputs: Iterable[np.ndarray[Any, Any]]) -> None:
    """Write inputs of the ONNX file, [1, C, H, W] each, as calibration/00.npy and so on."""
    (folder / CALIBRATION).mkdir()
    for number, image in enumerate(inputs):
        np.save(folder / CALIBRATION / f"{number:02}.npy", image)
