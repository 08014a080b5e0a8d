"""A network that is measured: a model directory, or a checkpoint of somebody else's network."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from nas.convert.third_party import SUFFIXES, load_third_party
from nas.errors import InputError
from nas.model import IMPORTED, load_model
from search_spaces.published import STUDIO_LUMA


@dataclass(frozen=True)
class Contestant:
    """A network that is measured."""

    label: str
    network: nn.Module
    """[N, 1, h, w] → [N, 1, s h, s w]."""
    scale: int
    recipe: Mapping[str, Any] | None = None
    """The recipe of its training; None if the recipe is unknown."""
    luma: str = "full"
    """The range of luma in its training: full, or studio (16..235); see `TrainedLuma`."""
    note: str = ""
    """A sentence that is printed below its figures."""


def load_contestant(label: str, path: Path) -> Contestant:
    """Read a model directory, or a checkpoint of somebody else's network.

    Raises InputError if the path is neither, or is a model directory of a network for several channels.
    """
    if path.is_file() and path.suffix.lower() in SUFFIXES:
        theirs = load_third_party(path)
        luma = "full" if theirs.channels == 3 else STUDIO_LUMA.range
        return Contestant(label, theirs.network, theirs.scale, luma=luma, note=f"{label}: {theirs.describe()}.")
    model = load_model(path)
    channels = model.architecture.channels
    if channels != 1:
        raise InputError(
            f"Images have one channel, but {label} takes {channels}; import a published network for one channel with "
            "--to-gray."
        )
    # Networks that were trained here saw the gray of images, which is luma in full range.
    luma = model.recipe.get(IMPORTED, {}).get("luma", "full")
    return Contestant(label, model.network, model.architecture.scale, model.recipe, luma)
