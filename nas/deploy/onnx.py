"""ONNX export of a network, and the proof that it computes the same."""

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
from search_spaces.layers.collapsible import fused

OPSET = 18
"""The first opset whose Resize says whether it anti-aliases; every runtime since 2023 reads it."""

INPUT, OUTPUT = "lr", "sr"
"""Names of the input [1, C, H, W] and of the output [1, C, scale·H, scale·W], both float32, mostly in 0..1."""

TOLERANCE = 1e-4
"""Largest difference between ONNX Runtime and PyTorch that is accepted: a fortieth of a level of 8 bits."""

ROUNDINGS = 4
"""How many times what PyTorch rounds is accepted, where that is more: each of both rounds, and elsewhere."""

MOST = 0.01
"""Accepted of no network, however much it rounds."""

SIZES = ((48, 64), (33, 47))
"""Heights and widths at which an export is compared; odd ones too."""


def to_onnx(network: nn.Module, architecture: Architecture, path: Path, normalisation: Normalisation = TYPE) -> None:
    """Write the inference form of `network` as one ONNX file of opset 18 that takes images of any height and width.

    Its metadata holds the scale, the channels, the architecture and its fingerprint, the range of the values, and as
    JSON the normalisation, which says the integers that 0 and 1 stand for.
    Raises InputError where ONNX's packages are not installed, RunError for a network that it can't express.
    """
    onnx = required("onnx")
    # The size of the example is arbitrary, but not 1, which the exporter would take for a constant.
    example, sizes = torch.rand(1, architecture.channels, 24, 40), ({2: "height", 3: "width"},)
    proto = _exported(network, example, f"A network of the space '{architecture.space}'", sizes)
    onnx.helper.set_model_props(proto, _metadata(architecture, normalisation))
    onnx.save_model(proto, path)


def to_fixed_onnx(module: nn.Module, shape: tuple[int, int, int, int], what: str, path: Path) -> None:
    """Write the inference form of `module`, a network or a part of one, for inputs [N, C, H, W] of one shape alone.

    Faster than `to_onnx`, and read by runtimes that must know all sizes. `what` names the module in errors, which are
    those of `to_onnx`.
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
    # The exporter notes for each operator in which source file on this computer it stands.
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
    """Run the ONNX file with ONNX Runtime and `network` with PyTorch on random LR images of `sizes` (height, width).

    Returns the largest difference on the CPU, relative to the range of images, which is 1, or to the network's largest
    output where that exceeds it, as untrained ones' do: float32 has no absolute precision.
    Raises InputError where ONNX Runtime is not installed, RunError for a file that it can't run.
    """
    runtime = required("onnxruntime")
    network = copy.deepcopy(network).cpu().eval()
    generator = torch.Generator().manual_seed(0)
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # errors alone
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
    """Return by how much two computations of `network` in float32 may differ, in the measure of `check_onnx`.

    `TOLERANCE`, unless PyTorch itself rounds by more: attention without a scale (ELAN's) turns the last bit of a score
    into 1e-4 of the output. How much that is shows against float64, on random images and their mirror images.
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
            except RuntimeError:  # parts of it know float32 alone
                return TOLERANCE
    return max(TOLERANCE, min(ROUNDINGS * rounding, MOST))


def _difference(result: Tensor, expected: Tensor) -> float:
    if result.shape != expected.shape:
        return math.inf
    difference = (result - expected).abs().max() / expected.abs().max().clamp(min=1)
    return float(difference.nan_to_num(nan=math.inf))


def required(module: str) -> Any:
    """Import a package that only exports and latencies need, which takes a second. Raises InputError without it."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise InputError(f"The package {module} is missing: pip install -c constraints.txt -e .") from None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's progress, warnings and log off the user's terminal."""
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
