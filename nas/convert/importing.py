"""The import of a published checkpoint into a model directory."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nas.convert.checkpoint import Fit, fit, load
from nas.convert.falsr_graph import check_function, graph_state
from nas.convert.gray import to_gray as gray_form
from nas.convert.tensorflow_graph import Node, read_graph
from nas.errors import InputError
from nas.model import IMPORTED, Model
from nas.weights import State, read_state
from search_spaces import SPACES, Architecture
from search_spaces.families.falsr import CellNetwork, CellSpace


def import_checkpoint(point: str, checkpoint: Path, to: Path, scale: int | None = None, to_gray: bool = False) -> Model:
    """Make a model directory with the weights of a published checkpoint, and return the model.

    The model remembers the range of luma of its training (`SearchSpace.luma`), which `nas evaluate --channel y` needs.

    Args:
        point: The published point of the checkpoint, `SPACE/POINT`.
        checkpoint: A PyTorch checkpoint (.pth, .pt, .pth.tar), a safetensors file, or a frozen TensorFlow graph of
            FALSR or MoreMNAS (.pb). Its number of channels is detected.
        to: The new model directory.
        scale: The scale of the checkpoint; None: detected.
        to_gray: Convert a network for colour images into its one-channel form; see `gray.to_gray`.

    Raises:
        InputError: `to` is not empty; the checkpoint can't be read or is not of this point (the message names the
            tensors); the network has no one-channel form.
        UnknownNameError: The point is unknown.
    """
    if to.is_file() or (to.is_dir() and any(to.iterdir())):
        raise InputError(f"{to} exists; name a new folder to import to.")
    architecture, network = _network(point, checkpoint, scale)
    # A network for three channels is trained on colours. Gray images are luma in full range for it.
    luma = "full" if architecture.channels == 3 else SPACES.get(architecture.space).luma.range
    origin: dict[str, Any] = {"point": point, "file": checkpoint.name, "sha256": _digest(checkpoint), "luma": luma}
    if to_gray:
        gray = gray_form(network, architecture)
        architecture, network = gray.architecture, gray.network
        origin["to_gray"] = {"exact": gray.exact, "largest_difference": gray.difference}
    model = Model(architecture, network.eval(), {IMPORTED: origin}, {})
    try:
        model.save(to)
    except OSError as error:
        raise InputError(f"{to} can't be written ({error.strerror or error}).") from None
    return model


def _network(point: str, checkpoint: Path, scale: int | None) -> tuple[Architecture, nn.Module]:
    """Return the point at the scale and channel count of the checkpoint, with its weights."""
    Architecture.published(point)  # first, so that an unknown point is reported before a missing file
    if not checkpoint.is_file():
        raise InputError(f"There is no checkpoint '{checkpoint}'.")
    graph = read_graph(checkpoint) if checkpoint.suffix == ".pb" else None
    if graph and not isinstance(SPACES.get(point.partition("/")[0]), CellSpace):
        raise InputError("TensorFlow graphs are read only for points of FALSR and MoreMNAS.")
    state = graph_state(graph) if graph else read_state(checkpoint)
    found = _best_form(point, state, scale)
    architecture = found.architecture
    if found.fit.faults:
        colours = "" if architecture.channels == 1 else f" in {architecture.channels} channels"
        raise InputError(
            f"{checkpoint} is not a checkpoint of {point} at scale {architecture.scale}{colours}: "
            f"{found.fit.describe()}."
        )
    network = architecture.build().eval()
    return architecture, _from_graph(graph, state, network) if graph else _loaded(found.fit, network)


def _loaded(found: Fit, network: nn.Module) -> nn.Module:
    load(found, network)
    return network


def _from_graph(graph: Mapping[str, Node], state: State, network: nn.Module) -> nn.Module:
    assert isinstance(network, CellNetwork)  # a CellSpace without image skip builds only these
    network.load_state_dict(dict(state))
    check_function(graph, network)
    return network


@dataclass(frozen=True)
class _Form:
    architecture: Architecture
    fit: Fit


def _best_form(point: str, state: State, scale: int | None) -> _Form:
    """Return the first form of the point that the tensors fit, else the form with the fewest faults."""
    best = None
    for architecture in _forms(point, scale):
        space = SPACES.get(architecture.space)
        with torch.device("meta"):
            network = architecture.build()
        translated = space.translate(state, architecture.scale, architecture.channels)
        found = _Form(architecture, fit(translated, network))
        if not found.fit.faults:
            return found
        best = found if best is None or found.fit.faults < best.fit.faults else best
    assert best is not None  # every space has a scale and a channel count
    return best


def _forms(point: str, scale: int | None) -> Iterator[Architecture]:
    """Yield the point at `scale`, or at each scale of its space, its own scale first, with each channel count."""
    space = SPACES.get(point.partition("/")[0])
    own = space.published[point.partition("/")[2]].scale
    scales = [scale] if scale is not None else sorted(space.scales, key=lambda s: s != own)
    for channels in space.channels:
        yield from (Architecture.published(point, s, channels) for s in scales)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def describe(model: Model) -> str:
    """Return one or two sentences on the imported model."""
    architecture, origin = model.architecture, model.recipe[IMPORTED]
    params = sum(p.numel() for p in model.network.parameters())
    channels = f"{architecture.channels} channel{'s' if architecture.channels > 1 else ''}"
    text = f"{origin['point']} at scale {architecture.scale}, {channels}, {params:,} parameters."
    if origin["luma"] == "studio":
        text += " It was trained on luma of 16..235."
    gray = origin.get("to_gray")
    if gray is None or gray["exact"]:
        return text
    return (
        f"{text} Near the border of an image it differs from the colour network, by up to "
        f"{gray['largest_difference']:.1e} of the range: a colour mean that was subtracted can't be padded."
    )
