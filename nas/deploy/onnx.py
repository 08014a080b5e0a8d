"""ONNX export of a network, and the check that the ONNX file computes the same."""

import contextlib
import copy
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nas.data.normalisation import TYPE, Normalisation
from nas.deploy.form import Form, IntegerImages, levels_of
from nas.deploy.graph import name_nodes
from nas.deploy.opset import WRITTEN, lower
from nas.deploy.packages import quiet, required
from nas.deploy.rewrites import deployed
from nas.errors import RunError
from search_spaces import Architecture

Array = np.ndarray[Any, Any]

INPUT, OUTPUT = "lr", "sr"
"""Names of the input [1, C, H, W] and of the output [1, C, scale·H, scale·W]."""

ANY_SIZE = Form()

TOLERANCE = 1e-4
"""Largest accepted difference between ONNX Runtime and PyTorch: a fortieth of a level of 8 bits."""

HALF = 0.02
"""Largest accepted difference of a file that computes in float16: five levels of 8 bits."""

ROUNDINGS = 4
"""A multiple of PyTorch's own rounding that is accepted, if it is more: both programs round, at different places."""

MOST = 0.01
"""A larger difference is never accepted."""

SIZES = ((48, 64), (33, 47))
"""(height, width) of the images with which an export is compared; some are odd."""


def to_onnx(
    network: nn.Module,
    architecture: Architecture,
    path: Path,
    normalisation: Normalisation = TYPE,
    form: Form = ANY_SIZE,
) -> None:
    """Write the inference form of a network as an ONNX file of a `Form`; by default for images of any size.

    The metadata holds the scale, the channels, the architecture and its fingerprint, the range of the values, and as
    JSON the normalisation, which has the integers that 0 and 1 stand for.

    Raises InputError if ONNX's packages are not installed; RunError for a network that ONNX can't express.
    """
    onnx = required("onnx")
    sizes = ({2: "height", 3: "width"},) if form.lr is None else None
    # Where the size is free, that of the example is arbitrary, but not 1: the exporter takes 1 for a constant.
    module, example = form.module(network, normalisation), form.example(architecture.channels)
    proto = _exported(module, example, f"A network of the space '{architecture.space}'", form.opset, sizes)
    onnx.helper.set_model_props(proto, _metadata(architecture, normalisation, form))
    onnx.save_model(proto, path)


def to_fixed_onnx(module: nn.Module, shape: tuple[int, int, int, int], what: str, path: Path) -> None:
    """Write the inference form of a network, or of a part, for inputs of the fixed shape [N, C, H, W].

    This is faster than `to_onnx`, and works for runtimes that must know all sizes. `what` names the module in errors.
    Raises errors as `to_onnx` does.
    """
    required("onnx").save_model(_exported(deployed(module), torch.rand(shape), what, WRITTEN), path)


def graph_of(network: nn.Module, architecture: Architecture, form: Form) -> Any:
    """Return the graph of a network in a form, as a `ModelProto` without metadata. Raises errors as `to_onnx` does."""
    module, example = form.module(network, TYPE), form.example(architecture.channels)
    return _exported(module, example, f"A network of the space '{architecture.space}'", form.opset)


def _exported(network: nn.Module, example: Tensor, what: str, opset: int, dynamic_shapes: Any = None) -> Any:
    """Return a network in inference form as a `ModelProto` without metadata."""
    required("onnxscript")
    try:
        with quiet():
            program = torch.onnx.export(
                network.eval(),
                (example,),
                dynamo=True,
                verbose=False,
                opset_version=max(opset, WRITTEN),
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes=dynamic_shapes,
            )
    except RuntimeError as error:
        reason = str(error.__cause__ or error).strip().partition("\n")[0]
        raise RunError(f"{what} can't be exported to ONNX: {reason}") from error
    assert program is not None  # dynamo=True always returns one
    proto = program.model_proto
    name_nodes(proto)
    if opset < WRITTEN:
        lower(proto, opset)
    return proto


def _metadata(architecture: Architecture, normalisation: Normalisation, form: Form) -> dict[str, str]:
    return {
        "scale": str(architecture.scale),
        "channels": str(architecture.channels),
        "range": "0..1" if form.bits is None else f"integers of {form.bits} bits",
        "normalisation": normalisation.model_dump_json(),
        "fingerprint": architecture.fingerprint,
        "architecture": architecture.to_yaml(),
    }


def check_onnx(
    path: Path,
    network: nn.Module,
    sizes: Sequence[tuple[int, int]] = SIZES,
    form: Form = ANY_SIZE,
    normalisation: Normalisation = TYPE,
) -> float:
    """Compare an ONNX file, run by ONNX Runtime, with a network on random LR images of `sizes` (height, width).

    Returns the largest difference on the CPU. It is relative to the network's largest output if that is above 1 (as for
    untrained networks), because float32 has a relative precision. A file that takes integers is compared in levels, as
    a share of the largest integer. A file of one size is compared at that size.

    Raises InputError if ONNX Runtime is not installed; RunError for a file that ONNX Runtime can't run.
    """
    network = copy.deepcopy(network).cpu().eval()
    if form.bits is not None:
        network = IntegerImages(network, levels_of(normalisation, form.bits), form.bits)
    run, generator = Session(path), torch.Generator().manual_seed(0)
    sides = [(width, height) for height, width in sizes] if form.lr is None else [form.lr]
    images = [form.example(run.channels, generator, size) for size in sides]
    unit = 1 if form.bits is None else 2**form.bits - 1
    with torch.inference_mode():
        return max(_difference(torch.from_numpy(run(image.numpy())), network(image), unit) for image in images)


class Session:
    """An ONNX file on ONNX Runtime's CPU. Raises InputError without ONNX Runtime; RunError for a file it can't run."""

    def __init__(self, path: Path) -> None:
        runtime = required("onnxruntime")
        options = runtime.SessionOptions()
        options.log_severity_level = 3  # only errors
        self._path = path
        with self._errors():
            self._session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    @property
    def channels(self) -> int:
        """Number of channels of its images."""
        return int(self._session.get_inputs()[0].shape[1])

    def __call__(self, image: Array) -> Array:
        """[N, C, H, W] → [N, C, scale·H, scale·W], of the types of the file."""
        with self._errors():
            result: Array = self._session.run([OUTPUT], {INPUT: image})[0]
        return result

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # ONNX Runtime's errors have no base class of their own
            raise RunError(f"ONNX Runtime can't run {self._path}: {str(error).partition(chr(10))[0]}") from error


def tolerance(network: nn.Module, channels: int, sizes: Sequence[tuple[int, int]] = SIZES) -> float:
    """Return how far two computations of a network in float32 may differ, in the measure of `check_onnx`.

    It is `TOLERANCE`, or more if PyTorch itself rounds more: attention without a scale (as in ELAN) turns the last bit
    of a score into 1e-4 of the output. PyTorch's rounding is measured against float64, on random images and their
    mirror images.
    """
    single, double = (copy.deepcopy(network).cpu().eval().to(dtype) for dtype in (torch.float32, torch.float64))
    generator = torch.Generator().manual_seed(0)
    rounding = 0.0
    for size in sizes:
        image = torch.rand(1, channels, *size, generator=generator)
        for axes in ((), (2,), (3,), (2, 3)):
            turned = image.flip(axes)
            try:
                with torch.inference_mode():
                    rounding = max(rounding, _difference(single(turned), double(turned.double())))
            except RuntimeError:  # a part of the network supports only float32
                return TOLERANCE
    return max(TOLERANCE, min(ROUNDINGS * rounding, MOST))


def _difference(result: Tensor, expected: Tensor, unit: float = 1) -> float:
    if result.shape != expected.shape:
        return math.inf
    result, expected = result.to(torch.float64) / unit, expected.to(torch.float64) / unit
    difference = (result - expected).abs().max() / expected.abs().max().clamp(min=1)
    return float(difference.nan_to_num(nan=math.inf))
