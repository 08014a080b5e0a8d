"""How many trainings this machine has room for at a time, and where each of them runs."""

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
"""What a process takes of a GPU before its first tensor: the CUDA context and the libraries' workspaces."""

_PARAMETER_BYTES = 20
"""A float32 weight, its gradient, Adam's two moments and the moving average."""

_SLACK = 1.5
"""The caching allocator's rounding, and gradients of activations."""


@dataclass(frozen=True)
class Room:
    """Where trainings run at a time, one on each of `devices`; a device may be there several times."""

    devices: tuple[torch.device, ...]
    threads: int
    """CPU threads of each. Another number rounds otherwise, so it is kept with what was trained."""
    processes: int = 1
    """How many train one network together."""

    def describe(self, count: int) -> str:
        """Say how `count` networks are trained."""
        places = " and ".join(dict.fromkeys(map(str, self.devices)))
        what = "1 network" if count == 1 else f"{count} networks, {len(self.devices)} at a time,"
        threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        if self.processes > 1:
            return f"Training {what} by {self.processes} processes with {threads} each."
        return f"Training {what} on {places} with {threads}{' each' if len(self.devices) > 1 else ''}."


def find_room(
    architectures: Iterable[Architecture],
    recipe: Recipe,
    data: Dataset,
    device: torch.device,
    jobs: int | None = None,
    threads: int | None = None,
    processes: int = 1,
) -> Room:
    """Return the room for trainings of `architectures`, or for `jobs` of them with `threads` each where they're given.

    Of several GPUs each takes one training, unless `device` names one of them; one GPU takes as many as fit into its
    free memory; a CPU one a core, which trains most (`benchmarks/side_by_side.py`). There is never more room than
    architectures. Where several `processes` train one together, there is room for that one; `torchrun` has shared out
    the cores. Raises InputError when they are to train several at a time.
    """
    wanted = list(architectures)
    cores = torch.get_num_threads()
    if processes > 1:
        if (jobs or 1) > 1:
            raise InputError(f"--jobs {jobs} is for one process alone; here {processes} train one network together.")
        return Room((device,), threads or cores, processes)
    if jobs is None:
        jobs = _fitting(wanted, recipe, data, device, cores) if device.type == "cuda" else cores // (threads or 1)
    jobs = max(1, min(jobs, len(wanted)))
    return Room(spread_over(device, jobs), threads or max(1, cores // jobs))


def spread_over(device: torch.device, jobs: int) -> tuple[torch.device, ...]:
    """Return where each of `jobs` processes runs: in turn on all GPUs, unless `device` names one of them."""
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
    """Estimate the bytes that a training by `recipe` holds on its device, beside the images and the CUDA context.

    Counts what the backward pass of the network needs of the largest batch, on the meta device: exact shapes, no data.
    What losses bring along, such as a discriminator, is left out. Raises SpaceError.
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
