"""Several processes that train one network together, each on its share of every batch.

`torchrun` starts them, on one machine or on several. All processes draw the same batches and keep the same weights, so
the result is that of a single process, up to the order of sums. Plain `torch.distributed` is enough: the gradients of
such small networks are averaged in one call. A wrapper such as DistributedDataParallel would bring its own rules for
checkpoints and averaged weights.
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
"""How long a process waits for the others. Another process may be decoding images, or have a slower disk."""


class Group:
    """The group, as this process sees it. A single process is a group of size 1, which changes nothing."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and prints."""
        return self.rank == 0

    def own_device(self, device: torch.device) -> torch.device:
        """Return the device of this process. Each process has its own GPU of the machine."""
        if self.size == 1 or device.type != "cuda":
            return device
        return torch.device("cuda", torch.cuda.current_device())

    def check(self, network: nn.Module, recipe: Recipe, device: torch.device) -> None:
        """Raise InputError if training on shares of a batch would differ from training on the whole batch."""
        if self.size == 1:
            return
        for phase in recipe.phases:
            self.share(phase.batch)
        if recipe.adversarial is not None and recipe.adversarial.relativistic:
            raise InputError(
                "A relativistic discriminator compares all images of a batch, but each process has only its share of "
                "the batch; train in one process, or with 'relativistic: false'."
            )
        if device.type != "cuda" and any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in network.modules()):
            raise InputError(
                "Batch normalisation over the shares of several processes needs GPUs; on a CPU train this network in "
                "one process."
            )

    def synchronised(self, network: nn.Module) -> nn.Module:
        """Return the network with batch normalisation over the whole batch. Its weights keep their names."""
        return network if self.size == 1 else nn.SyncBatchNorm.convert_sync_batchnorm(network)

    def share(self, batch: int) -> slice:
        """Return this process's share of a batch. Raises InputError if the shares would not be equal."""
        if batch % self.size:
            raise InputError(
                f"A batch of {batch} patches can't be divided evenly among {self.size} processes; change the batch of "
                "the recipe or the number of processes."
            )
        part = batch // self.size
        return slice(self.rank * part, (self.rank + 1) * part)

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace each gradient, that of a share, by that of the whole batch: the mean over the processes."""
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
        """Tell whether `flag` is True in at least one process."""
        if self.size == 1:
            return flag
        largest = torch.tensor(int(flag))  # on the CPU, so no GPU waits for it
        dist.all_reduce(largest, op=dist.ReduceOp.MAX)
        return bool(largest)

    def from_main(self, value: T) -> T:
        """Return the value (plain data) of the main process."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
        return box[0]

    @contextmanager
    def file_from_main(self, path: Path) -> Iterator[Path]:
        """Yield the path of a copy of the main process's file, if there is such a file. No shared disk is needed."""
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
        """Copy the weights of the main process to all processes."""
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
        """Run the body in the main process first. The other processes then find its files on the disk."""
        if self.size > 1 and not self.is_main:
            self.any(False)
        try:
            yield
        finally:
            if self.size > 1 and self.is_main:
                self.any(False)

    def check_same(self, value: str, what: str) -> None:
        """Raise InputError in all processes unless all have the same value. `what` names the value in the message."""
        if self.size == 1:
            return
        values: list[str | None] = [None] * self.size
        dist.all_gather_object(values, value)
        if len(set(values)) > 1:
            raise InputError(f"The {self.size} processes don't have the same {what}; start all of them with the same.")


def _write(tensors: Sequence[Tensor], flat: Tensor) -> None:
    """Copy the parts of a vector into tensors of any memory format."""
    for tensor, part in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(part.view(tensor.shape))


ALONE = Group()


@contextmanager
def joined_group() -> Iterator[Group]:
    """Yield the group of processes that `torchrun` started, or a group of one process.

    Raises InputError if the processes can't connect.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    try:
        # CPU tensors use gloo, so that questions between steps don't make a GPU wait.
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
