"""Placement of trainings on this machine: how many run at the same time, on which devices, with how many threads."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import cycle, islice

import torch
from torch import Tensor

from nas.data.dataset import Dataset
from nas.errors import InputError
from nas.training.recipe import Recipe
from search_spaces import Architecture

_CONTEXT_BYTES = 700 * 2**20
"""GPU memory of a process before its first tensor: the CUDA context and the workspaces of libraries."""

_PARAMETER_BYTES = 20
"""A float32 weight, its gradient, Adam's two moments and the moving average."""

_SLACK = 1.5
"""Factor on the activations, for the rounding of the caching allocator and the gradients of activations."""


@dataclass(frozen=True)
class Placement:
    """Trainings that run at the same time: one on each entry of `devices`, which may name a device several times."""

    devices: tuple[torch.device, ...]
    threads: int
    """CPU threads of each training. The number is stored with the model, since it changes the rounding."""
    processes: int = 1
    """Number of processes that train one network together (torchrun)."""

    def describe(self, count: int) -> str:
        """Return a sentence that says how `count` networks are trained."""
        places = " and ".join(dict.fromkeys(map(str, self.devices)))
        what = "1 network" if count == 1 else f"{count} networks, {len(self.devices)} at a time,"
        threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        if self.processes > 1:
            return f"Training {what} by {self.processes} processes with {threads} each."
        return f"Training {what} on {places} with {threads}{' each' if len(self.devices) > 1 else ''}."


def find_placement(
    architectures: Iterable[Architecture],
    recipe: Recipe,
    data: Dataset,
    device: torch.device,
    jobs: int | None = None,
    threads: int | None = None,
    processes: int = 1,
) -> Placement:
    """Return the placement of the trainings of `architectures`.

    Several GPUs take one training each, unless `device` names a GPU. One GPU takes the trainings that fit into its free
    memory. A CPU takes one training on each core, the fastest arrangement (`benchmarks/side_by_side.py`). With torchrun
    (`processes > 1`) one network is trained at a time, and torchrun has divided the cores.

    Args:
        jobs: Trainings at the same time, at most one for each architecture. Default: as above.
        threads: CPU threads of each training. Default: an equal share of the cores.
        processes: Number of processes that train one network together.

    Raises:
        InputError: `jobs` is above 1 with `processes` above 1.
    """
    wanted = list(architectures)
    cores = torch.get_num_threads()
    if processes > 1:
        if (jobs or 1) > 1:
            raise InputError(f"--jobs {jobs} is for one process alone; here {processes} train one network together.")
        return Placement((device,), threads or cores, processes)
    if jobs is None:
        jobs = _fitting(wanted, recipe, data, device, cores) if device.type == "cuda" else cores // (threads or 1)
    jobs = max(1, min(jobs, len(wanted)))
    return Placement(devices_for(device, jobs), threads or max(1, cores // jobs))


def devices_for(device: torch.device, jobs: int) -> tuple[torch.device, ...]:
    """Return the device of each of `jobs` processes: all GPUs in turn, or `device` alone if it names a GPU."""
    if device.type != "cuda" or device.index is not None:
        return (device,) * jobs
    gpus = [torch.device("cuda", index) for index in range(torch.cuda.device_count())]
    return tuple(islice(cycle(gpus), jobs))


def _fitting(architectures: list[Architecture], recipe: Recipe, data: Dataset, device: torch.device, cores: int) -> int:
    if device.index is None and (gpus := torch.cuda.device_count()) > 1:
        return gpus
    free, _ = torch.cuda.mem_get_info(device)
    pixels = sum(store.flat.nbytes for store in (data.train.lr, data.train.hr))
    most = max(training_memory(architecture, recipe) for architecture in architectures)
    return min(int(free // (most + pixels + _CONTEXT_BYTES)), cores)


def training_memory(architecture: Architecture, recipe: Recipe) -> int:
    """Estimate the bytes that a training by `recipe` holds on its device, without the images and the CUDA context.

    Counts the tensors that the backward pass saves for the largest batch. The count runs on the meta device: exact
    shapes, no data. Networks of losses, such as a discriminator, are not counted. Raises SpaceError.
    """
    largest = max(recipe.phases, key=lambda phase: phase.batch * phase.patch**2)
    saved: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        saved[tensor.untyped_storage()._cdata] = tensor
        return tensor

    with torch.device("meta"), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        network = architecture.build().train()
        patches = torch.empty(largest.batch, architecture.channels, largest.patch, largest.patch)
        network(patches)
    weights = {parameter.untyped_storage()._cdata for parameter in network.parameters()}
    activations = sum(t.untyped_storage().nbytes() for key, t in saved.items() if key not in weights)
    return int(_SLACK * activations) + _PARAMETER_BYTES * sum(parameter.numel() for parameter in network.parameters())
