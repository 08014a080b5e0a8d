"""Checkpoints: a safetensors file, replaced atomically, with all that a training needs to continue bit-identically."""

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from nas.errors import InputError
from nas.files import make_folder, set_aside
from nas.weights import DamagedError, read_tensors, write_tensors

_AVERAGED = "module."
"""The beginning of the names of the weights in a moving average (`nas.training.ema`)."""


@dataclass
class Progress:
    """The progress of a training: the plain data of a checkpoint."""

    step: int = 0
    train_seconds: float = 0.0
    validation_seconds: float = 0.0
    curve: list[dict[str, float]] = field(default_factory=list)
    losses: list[list[float]] = field(default_factory=list)
    """The losses of the steps since the losses were last read."""
    skipped: int = 0
    """The number of steps in `step` that were not made, since the training skipped to its cool-down."""


class Stateful(Protocol):
    """An object that holds the state of a training, such as `nas.training.step.Step`."""

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """Name → network. Names have no colon."""

    @property
    def optimisers(self) -> Mapping[str, torch.optim.Optimizer]:
        """Name → optimiser. No network has the same name."""


def save_checkpoint(
    path: Path,
    state: Stateful,
    sampler: torch.Generator,
    progress: Progress,
    identity: str,
) -> None:
    """Write a checkpoint to `path`. A kill at any moment leaves the old file or the new file.

    `identity` identifies the training; `load_checkpoint` refuses a checkpoint with another identity. Raises RunError if
    the file can't be written.
    """
    tensors = {f"{name}:{key}": t for name, net in state.networks.items() for key, t in net.state_dict().items()}
    for name, optimiser in state.optimisers.items():
        for index, memory in optimiser.state_dict()["state"].items():
            tensors |= {f"{name}:{index}.{key}": t for key, t in memory.items()}
    tensors |= {f"random:{name}": state for name, state in _random_states(sampler).items()}
    metadata = {"identity": identity, "progress": json.dumps(vars(progress))}
    make_folder(path.parent)
    write_tensors(path, tensors, metadata)


def load_checkpoint(
    path: Path,
    state: Stateful,
    sampler: torch.Generator,
    identity: str,
) -> Progress | None:
    """Restore the state in place from a checkpoint and return the progress; None if there is no checkpoint.

    A damaged checkpoint is renamed to `.damaged`, with a warning, and counts as none. Raises InputError for a
    checkpoint of another architecture, recipe or data set.
    """
    if not path.is_file():
        return None
    try:
        tensors, metadata = read_tensors(path)
    except DamagedError as error:
        kept = set_aside(path)
        warnings.warn(
            f"the checkpoint {str(error).removesuffix('.')}; it is kept as {kept.name}, and the training starts anew",
            stacklevel=2,
        )
        return None
    if metadata.get("identity") != identity:
        raise InputError(
            f"The checkpoint {path} is of another architecture, recipe or data set; delete it to start anew."
        )
    groups = _grouped(tensors)
    for name, network in state.networks.items():
        network.load_state_dict(groups[name])
    for name, optimiser in state.optimisers.items():
        _restore_optimiser(optimiser, groups.get(name, {}))
    _restore_random_states(sampler, groups["random"])
    return Progress(**json.loads(metadata["progress"]))


def read_progress(path: Path) -> Progress | None:
    """Return the progress of a checkpoint of whatever training; None if there is no checkpoint that can be read."""
    if not path.is_file():
        return None
    try:
        _, metadata = read_tensors(path)
    except DamagedError:
        return None
    return Progress(**json.loads(metadata["progress"]))


def read_weights(path: Path) -> tuple[dict[str, Tensor], Progress] | None:
    """Return the weights that a training has reached, the moving average if it has one, and its progress.

    None if there is no checkpoint that can be read.
    """
    if not path.is_file():
        return None
    try:
        tensors, metadata = read_tensors(path)
    except DamagedError:
        return None
    groups = _grouped(tensors)
    averaged = {key: tensor for key, tensor in groups.get("average", {}).items() if key.startswith(_AVERAGED)}
    weights = {key.removeprefix(_AVERAGED): tensor for key, tensor in averaged.items()} or groups["network"]
    return weights, Progress(**json.loads(metadata["progress"]))


def _grouped(tensors: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    groups: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        group, _, name = key.partition(":")
        groups.setdefault(group, {})[name] = tensor
    return groups


def _restore_optimiser(optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    state: dict[int, dict[str, Any]] = {}
    for key, tensor in tensors.items():
        index, _, name = key.partition(".")
        like = parameters[int(index)]
        if name != "step" and tensor.shape == like.shape:
            # Another memory format than the parameter's would take another vectorised path and round differently.
            tensor = torch.empty_like(like).copy_(tensor)
        state.setdefault(int(index), {})[name] = tensor
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _random_states(sampler: torch.Generator) -> dict[str, Tensor]:
    states = {"sampler": sampler.get_state(), "torch": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def _restore_random_states(sampler: torch.Generator, states: dict[str, Tensor]) -> None:
    sampler.set_state(states["sampler"])
    torch.set_rng_state(states["torch"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])
