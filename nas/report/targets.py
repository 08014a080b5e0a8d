"""Tables of targets, and of how networks fit them."""

from collections.abc import Sequence

from rich.table import Table

from nas.deploy.fit import Fit
from nas.deploy.target import Target
from nas.image_size import show_size
from nas.report.tables import table

_WORDS = {"images": "a float file and images", "qdq": "an int8 file", "none": ""}


def targets_table(targets: Sequence[Target]) -> Table:
    """Return a table of targets: what they read, and what they ask for."""
    shown = table("Targets", "target", "what it is", "compiler", "opset", "size", "int8 from", "channels in")
    for target in targets:
        multiple = str(target.channel_multiple) if target.channel_multiple > 1 else ""
        size = "fixed" if target.fixed_size else "any"
        opsets = f"{target.opset[0]} to {target.opset[1]}"
        shown.add_row(target.name, target.title, target.compiler, opsets, size, _WORDS[target.quantisation], multiple)
    return shown


def fit_table(label: str, found: Fit) -> Table:
    """Return a table of the operators of a network, and whether the target takes them."""
    title = f"{label} on {found.target.title}, LR {show_size(found.lr)}"
    shown = table(title, "operator", "number", "taken", "layers")
    for kind, count in found.counts.items():
        layers = found.layers(kind)
        others = f" and {len(layers) - 2} others" if len(layers) > 2 else ""
        shown.add_row(kind, str(count), found.verdict(kind), ", ".join(layer or "-" for layer in layers[:2]) + others)
    return shown


def fit_notes(label: str, found: Fit) -> list[str]:
    """Return sentences below the table: whether the network is taken whole, and its multiply-adds there."""
    refused, cpu = [entry.kind for entry in found.refused], found.target.on_cpu(found.operators)
    if refused:
        told = f"{label} is refused by {found.target.title}: {', '.join(sorted(set(refused)))}."
    elif cpu:
        told = f"{label} is taken by {found.target.title}, which runs {', '.join(cpu)} on a CPU."
    else:
        told = f"{label} is taken whole by {found.target.title}."
    multiple = found.target.channel_multiple
    rounded = f" with channels in multiples of {multiple}" if multiple > 1 else ""
    return [told, f"It computes {found.macs / 1e9:.3g}G MACs there{rounded}, the image skip included."]
