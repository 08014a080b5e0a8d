"""Teachers: trained networks whose output a network learns to reproduce."""

from pathlib import Path

import torch
import yaml
from torch import nn

from nas.convert.in_gray import COLOURS, InGray
from nas.convert.third_party import load_third_party
from nas.data.normalisation import Normalisation
from nas.errors import InputError
from nas.model import IMPORTED, RESULTS, TRAINED, Model, is_model, load_model
from search_spaces.layers.fused import fused


def find_teacher(name: str) -> Path:
    """Return the model directory or the checkpoint of a teacher.

    `name` is a path relative to the current folder, or `SPACE/POINT` for the model that `nas train SPACE/POINT` wrote.
    Raises InputError if there is neither.
    """
    path, trained = Path(name), RESULTS / TRAINED / name.replace("/", "-")
    for folder in (path, trained):
        if is_model(folder):
            return folder
    if path.is_file():
        return path
    raise InputError(
        f"There is no teacher '{name}': it is neither a model directory nor a checkpoint, and {trained} holds no "
        f"trained network; train it first (nas train {name}) or name another in the recipe."
    )


def load_teacher(name: str, scale: int, normalisation: Normalisation, device: torch.device) -> nn.Module:
    """Return the frozen network of a teacher, [N, 1, h, w] → [N, 1, s h, s w].

    A checkpoint of another project is read through `spandrel`. A network for colour images sees the image in three
    equal channels, and its output is averaged over the channels. Raises InputError for a teacher of another scale or
    with another normalisation than `normalisation`, and as `find_teacher`.
    """
    path = find_teacher(name)
    if path.is_dir():
        model = load_model(path)
        _check_levels(name, model, normalisation)
        network, found = fused(model.network), model.architecture.scale
        if model.architecture.channels == COLOURS:
            network = InGray(network)
    else:
        other = load_third_party(path)
        network, found = other.network, other.scale
    if found != scale:
        raise InputError(f"The teacher '{name}' has scale {found}, but the network to train has scale {scale}.")
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    frozen: nn.Module = network.eval().requires_grad_(False)
    return frozen


def _check_levels(name: str, model: Model, normalisation: Normalisation) -> None:
    """Raise InputError unless the teacher was trained with `normalisation`. Imported weights take any normalisation."""
    if IMPORTED in model.recipe:
        return
    its_own = Normalisation.stored(model.recipe)
    if not its_own.sees_as(normalisation):
        fields = its_own.model_dump(mode="json", exclude={"bits", "peak"})
        written = yaml.safe_dump(fields, default_flow_style=True, sort_keys=False, width=1000).strip()
        raise InputError(
            f"The teacher '{name}' was trained with another normalisation than these images have; write "
            f"'normalisation: {written}' in the recipe, or name a teacher that was trained on such images."
        )
