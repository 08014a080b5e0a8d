"""An input and its right output as raw bytes, to check a board with."""

import json
from pathlib import Path

import numpy as np
import torch

from nas.data.synthetic import scene
from nas.deploy.form import Form
from nas.deploy.onnx import INPUT, OUTPUT, Session
from nas.files import write_atomic
from search_spaces import Architecture

GOLDEN = "golden"
SIZE = (64, 48)
"""(width, height) of the input where the size is free."""


def write_golden(folder: Path, onnx_file: Path, architecture: Architecture, form: Form) -> None:
    """Write golden/input.bin and golden/output.bin, with their types and shapes in golden/shapes.json.

    The input is a synthetic thermal scene, and the output is ONNX Runtime's. Both are rows of pixels [1, C, H, W] in
    little-endian bytes.
    """
    width, height = form.lr or SIZE
    channels = [torch.from_numpy(scene(number, height, width)) for number in range(architecture.channels)]
    values = torch.stack(channels)[None].float() / 255
    image = values if form.bits is None else form.integers((values * (2**form.bits - 1)).round())
    given = image.numpy()
    returned = Session(onnx_file)(given)
    (folder / GOLDEN).mkdir()
    shapes = {}
    for name, file, array in ((INPUT, "input.bin", given), (OUTPUT, "output.bin", returned)):
        little = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<")))
        write_atomic(folder / GOLDEN / file, little.tobytes())
        shapes[file] = {"name": name, "type": str(array.dtype), "shape": list(array.shape)}
    write_atomic(folder / GOLDEN / "shapes.json", json.dumps(shapes, indent=2) + "\n")
