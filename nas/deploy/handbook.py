"""The README.md of an export: how an image is fed to its ONNX file."""

from pathlib import Path

from nas.data.normalisation import Normalisation
from nas.deploy.form import Form, levels_of
from nas.files import write_atomic
from nas.image_size import show_size
from search_spaces import Architecture

HANDBOOK = "README.md"


def write_handbook(folder: Path, architecture: Architecture, normalisation: Normalisation, form: Form) -> None:
    """Write the README.md."""
    scale, channels = architecture.scale, architecture.channels
    size = "any height H and width W" if form.lr is None else f"W x H = {show_size(form.lr)}"
    lines = [
        f"# A network for super-resolution x{scale}",
        "",
        f"`model.onnx` (opset {form.opset}) enlarges images {scale} times in height and width.",
        "",
        f"- Input `lr`: [1, {channels}, H, W], {_type(form)}, {size}, rows of pixels from the top left.",
        f"- Output `sr`: [1, {channels}, {scale}·H, {scale}·W], {_type(form)}.",
        f"- {_values(normalisation, form)}",
        "- `golden/input.bin` and `golden/output.bin` hold an input and its right output as raw little-endian bytes;",
        "  `golden/shapes.json` has their types and shapes. A board should give the same output up to rounding.",
    ]
    if form.target:
        lines.append(f"- Made for {form.target.title}, whose compiler is {form.target.compiler}. Not tried on a board.")
    write_atomic(folder / HANDBOOK, "\n".join([*lines, ""]))


def _type(form: Form) -> str:
    return "float32" if form.bits is None else f"uint{form.bits}"


def _values(normalisation: Normalisation, form: Form) -> str:
    """Return a sentence on how integers of a sensor become values."""
    if form.bits is not None:
        return f"The integers of {form.bits} bits are normalised, rounded and clipped within the file."
    back = "Turn results back in the same way, round half up, and clip to the type."
    if normalisation.kind == "image":
        first, last = normalisation.percentiles
        return (
            f"Before: v = (p - low) / (high - low), with the {first:g} and {last:g} percentiles of each image. {back}"
        )
    told = [f"v = {_formula(normalisation, bits)} for {bits} bits" for bits in (8, 16)]
    return f"Before: {', '.join(told)}. {back}"


def _formula(normalisation: Normalisation, bits: int) -> str:
    levels = levels_of(normalisation, bits)
    low, extent = levels.low, levels.high - levels.low
    return f"(p - {low:g}) / {extent:g}" if low else f"p / {extent:g}"
