"""ONNX export of a network, and the check that the ONNX file computes the same."""

import contextlib
import copy
import importlib
import io
import logging
import math
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nas.data.normalisation import TYPE, Normalisation
from nas.errors import InputError, RunError
from search_spaces import Architecture
from search_spaces.layers.fused import fused

OPSET = 18
"""The first opset whose Resize has an option for anti-aliasing. Every runtime since 2023 reads it."""

INPUT, OUTPUT = "lr", "sr"
"""Names of the input [1, C, H, W] and of the output [1, C, scale·H, scale·W], float32, mostly in 0..1."""

TOLERANCE = 1e-4
"""Largest accepted difference between ONNX Runtime and PyTorch: a fortieth of a level of 8 bits."""

ROUNDINGS = 4
"""A multiple of PyTorch's own rounding that is accepted, if it is more: both programs round, at different places."""

MOST = 0.01
"""A larger difference is never accepted."""

SIZES = ((48, 64), (33, 47))
"""(height, width) of the images with which an export is compared; some are odd."""


def to_onnx(network: nn.Module, architecture: Architecture, path: Path, normalisation: Normalisation = TYPE) -> None:
    """Write the inference form of a network as an ONNX file of opset 18 for images of any height and width.

    The metadata holds the scale, the channels, the architecture and its fingerprint, the range of the values, and as
    JSON the normalisation, which has the integers that 0 and 1 stand for.

    Raises InputError if ONNX's packages are not installed; RunError for a network that ONNX can't express.
    """
    onnx = required("onnx")
    # The size of the example is arbitrary, but not 1: the exporter takes a size of 1 for a constant.
    example, sizes = torch.rand(1, architecture.channels, 24, 40), ({2: "height", 3: "width"},)
    proto = _exported(network, example, f"A network of the space '{architecture.space}'", sizes)
    onnx.helper.set_model_props(proto, _metadata(architecture, normalisation))
    onnx.save_model(proto, path)


def to_fixed_onnx(module: nn.Module, shape: tuple[int, int, int, int], what: str, path: Path) -> None:
    """Write the inference form of a network, or of a part, for inputs of the fixed shape [N, C, H, W].

    This is faster than `to_onnx`, and works for runtimes that must know all sizes. `what` names the module in errors.
    Raises errors as `to_onnx` does.
    """
    required("onnx").save_model(_exported(module, torch.rand(shape), what), path)


def _exported(network: nn.Module, example: Tensor, what: str, dynamic_shapes: Any = None) -> Any:
    """Return the inference form of `network` as a `ModelProto` without metadata."""
    required("onnxscript")
    network = fused(copy.deepcopy(network).cpu()).eval()
    try:
        with _quiet():
            program = torch.onnx.export(
                network,
                (example,),
                dynamo=True,
                verbose=False,
                opset_version=OPSET,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes=dynamic_shapes,
            )
    except RuntimeError as error:
        reason = str(error.__cause__ or error).strip().partition("\n")[0]
        raise RunError(f"{what} can't be exported to ONNX: {reason}") from error
    assert program is not None  # dynamo=True always returns one
    proto = program.model_proto
    # The exporter writes the path of a source file on this computer to each operator.
    for part in (proto.graph, *proto.graph.node):
        del part.metadata_props[:]
    return proto


def _metadata(architecture: Architecture, normalisation: Normalisation) -> dict[str, str]:
    return {
        "scale": str(architecture.scale),
        "channels": str(architecture.channels),
        "range": "0..1",
        "normalisation": normalisation.model_dump_json(),
        "fingerprint": architecture.fingerprint,
        "architecture": architecture.to_yaml(),
    }


def check_onnx(path: Path, network: nn.Module, sizes: Sequence[tuple[int, int]] = SIZES) -> float:
    """Compare an ONNX file, run by ONNX Runtime, with a network on random LR images of `sizes` (height, width).

    Returns the largest difference on the CPU. It is relative to the network's largest output if that is above 1 (as for
    untrained networks), because float32 has a relative precision.

    Raises InputError if ONNX Runtime is not installed; RunError for a file that ONNX Runtime can't run.
    """
    runtime = required("onnxruntime")
    network = copy.deepcopy(network).cpu().eval()
    generator = torch.Generator().manual_seed(0)
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # only errors
    try:
        session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        channels = session.get_inputs()[0].shape[1]
        images = [torch.rand(1, channels, *size, generator=generator) for size in sizes]
        results = [session.run([OUTPUT], {INPUT: image.numpy()})[0] for image in images]
    except Exception as error:  # ONNX Runtime's errors have no base class of their own
        raise RunError(f"ONNX Runtime can't run {path}: {str(error).partition(chr(10))[0]}") from error
    with torch.inference_mode():
        return max(_difference(torch.from_numpy(r), network(image)) for image, r in zip(images, results, strict=True))


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


def _difference(result: Tensor, expected: Tensor) -> float:
    if result.shape != expected.shape:
        return math.inf
    difference = (result - expected).abs().max() / expected.abs().max().clamp(min=1)
    return float(difference.nan_to_num(nan=math.inf))


def required(module: str) -> Any:
    """Import a package that only exports and latencies need, because the import takes a second.

    Raises InputError if the package is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise InputError(f"The package {module} is missing: pip install -c constraints.txt -e .") from None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hide the progress, warnings and log of the exporter."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
