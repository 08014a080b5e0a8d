"""Several processes that train one network together, each on its share of every batch.

Started by `torchrun`, on one machine or on many. All draw the same batches and keep the same weights, so that a
training comes out as that of one process, up to the order in which sums are formed. Plain `torch.distributed` does all
that is needed: gradients of networks this small are averaged in one go, and a wrapper such as DistributedDataParallel
would bring its own rules for checkpoints and averaged weights.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from nas.errors import InputError
from nas.training.recipe import Recipe

T = TypeVar("T")

PATIENCE = timedelta(hours=2)
"""How long a process waits for the others: one of them may be decoding images, or have the slower disk."""


class Group:
    """The processes, as one of them sees them; on its own it is a group of one, which changes nothing."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    def own_device(self, device: torch.device) -> torch.device:
        """Return where this process computes: of the machine's GPUs each process has its own."""
        if self.size == 1 or device.type != "cuda":
            return device
        return torch.device("cuda", torch.cuda.current_device())

    def check(self, network: nn.Module, recipe: Recipe, device: torch.device) -> None:
        """Raise InputError for what doesn't come out of shares of a batch as of the whole one."""
        if self.size == 1:
            return
        for phase in recipe.phases:
            self.share(phase.batch)
        if recipe.adversarial is not None and recipe.adversarial.relativistic:
            raise InputError(
                "A relativistic discriminator compares all images of a batch, of which each of several processes has "
                "only its share; train in one process, or with 'relativistic: false'."
            )
        if device.type != "cuda" and any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in network.modules()):
            raise InputError(
                "Batch normalisation over the shares of several processes needs GPUs; on a CPU train this network in "
                "one process."
            )

    def synchronised(self, network: nn.Module) -> nn.Module:
        """Return the network with batch normalisation over the whole batch; its weights keep their names."""
        return network if self.size == 1 else nn.SyncBatchNorm.convert_sync_batchnorm(network)

    def share(self, batch: int) -> slice:
        """Return this process's part of a batch. Raises InputError where there are no equal parts."""
        if batch % self.size:
            raise InputError(
                f"A batch of {batch} patches can't be shared out evenly among {self.size} processes; change the "
                "recipe's batch or their number."
            )
        part = batch // self.size
        return slice(self.rank * part, (self.rank + 1) * part)

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace gradients of means over shares by those of the mean over the whole batch."""
        if self.size > 1:
            self._average([parameter.grad for parameter in parameters if parameter.grad is not None])

    def average(self, values: Tensor) -> Tensor:
        """Return the mean of the processes' values."""
        if self.size > 1:
            values = values.clone()
            self._average([values])
        return values

    def _average(self, tensors: Sequence[Tensor]) -> None:
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        dist.all_reduce(flat)
        _write(tensors, flat / self.size)

    def any(self, flag: bool) -> bool:
        """Tell whether one of the processes says so."""
        if self.size == 1:
            return flag
        said = torch.tensor(int(flag))  # on the CPU: no GPU waits for it
        dist.all_reduce(said, op=dist.ReduceOp.MAX)
        return bool(said)

    def from_main(self, value: T) -> T:
        """Return the main process's value, plain data."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
        return box[0]

    @contextmanager
    def file_from_main(self, path: Path) -> Iterator[Path]:
        """Yield where the main process's file `path` can be read here, if it has one; no disk need be shared."""
        if self.size == 1:
            yield path
            return
        content = self.from_main(path.read_bytes() if self.is_main and path.is_file() else None)
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / path.name
            if content is not None:
                copy.write_bytes(content)
            yield path if self.is_main else copy

    @torch.no_grad()
    def take_from_main(self, networks: Iterable[nn.Module]) -> None:
        """Give all processes the main one's weights."""
        if self.size == 1:
            return
        for network in networks:
            tensors = [*network.parameters(), *network.buffers()]
            for dtype in {tensor.dtype for tensor in tensors}:
                alike = [tensor for tensor in tensors if tensor.dtype == dtype]
                flat = torch.cat([tensor.reshape(-1) for tensor in alike])
                dist.broadcast(flat, src=0)
                _write(alike, flat)

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """What is inside is done by the main process before the others, which then find what it has kept on disk."""
        if self.size > 1 and not self.is_main:
            self.any(False)
        try:
            yield
        finally:
            if self.size > 1 and self.is_main:
                self.any(False)

    def check_same(self, value: str, what: str) -> None:
        """Raise InputError, in all processes, unless all have the same value of `what`."""
        if self.size == 1:
            return
        values: list[str | None] = [None] * self.size
        dist.all_gather_object(values, value)
        if len(set(values)) > 1:
            raise InputError(f"The {self.size} processes don't have the same {what}; give all of them the same.")


def _write(tensors: Sequence[Tensor], flat: Tensor) -> None:
    """Copy one vector's parts into tensors of any memory format."""
    for tensor, part in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(part.view(tensor.shape))


ALONE = Group()


@contextmanager
def joined_group() -> Iterator[Group]:
    """Yield the group that `torchrun` started this process for, or a group of one. Raises InputError."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    try:
        # CPU tensors go by gloo, so that what is asked between steps makes no GPU wait.
        backends = "gloo"
        if torch.cuda.is_available():
            backends = "cpu:gloo,cuda:nccl"
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
        dist.init_process_group(backends, timeout=PATIENCE)
    except (RuntimeError, ValueError, KeyError) as error:
        raise InputError(f"The processes don't find each other: {str(error).splitlines()[0].rstrip('.')}.") from None
    try:
        yield Group(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
