"""The free memory of a device, and the memory that work on it takes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import torch

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")
_RESET, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
_RESET_PEAK = "5"


def free_memory(device: torch.device | str = "cpu") -> int | None:
    """Return the free bytes of a GPU, or of this machine within its container; None if they are unknown."""
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type != "cpu":
        return None
    amounts = _of_machine(_MEMINFO), *(_of_container(group) for group in _groups(_OWN_GROUPS, _CGROUP))
    return min((amount for amount in amounts if amount is not None), default=None)


def peak_of(work: Callable[[], object], device: torch.device | str = "cpu") -> int | None:
    """Do some work and return the bytes that it took at its peak; None if the system doesn't tell it.

    On a CPU it is the peak of the resident memory, which Linux can reset. So it has all that the libraries allocate.
    Other threads that allocate at the same time are counted, too.
    """
    device = torch.device(device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        work()
        return torch.cuda.max_memory_allocated(device) - before
    try:
        _RESET.write_text(_RESET_PEAK, encoding="ascii")
        before = _of_process("VmRSS")
        work()
        return max(0, _of_process("VmHWM") - before)
    except (OSError, ValueError):
        return None


def _of_process(field: str) -> int:
    """Return bytes of this process. Raises OSError or ValueError if the system doesn't tell them."""
    for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(f"{field}:"):
            return 1024 * int(line.split()[1])
    raise ValueError(field)


def _of_machine(meminfo: Path) -> int | None:
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    amounts = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return 1024 * int(amounts[0]) if amounts else None


def _groups(own: Path, root: Path) -> Iterator[Path]:
    """Yield the folders of this process's control group and of the groups around it; any of them may have a limit."""
    yield root
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if controllers == "" or "memory" in controllers.split(","):
            top = root / "memory" if controllers else root  # of version 1 each controller has its folder
            group = top / name.strip("/")
            yield from (folder for folder in (group, *group.parents) if folder == top or top in folder.parents)


def _of_container(group: Path) -> int | None:
    """Return the bytes below the limit of a control group. Cached files count as free. None without a limit."""
    try:
        if (group / "memory.limit_in_bytes").exists():  # version 1
            limit, cache = (group / "memory.limit_in_bytes").read_text(encoding="ascii").strip(), "total_inactive_file "
            used = int((group / "memory.usage_in_bytes").read_text(encoding="ascii"))
        else:
            limit, cache = (group / "memory.max").read_text(encoding="ascii").strip(), "inactive_file "
            used = int((group / "memory.current").read_text(encoding="ascii"))
        statistics = (group / "memory.stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    cached = sum(int(line.split()[1]) for line in statistics if line.startswith(cache))
    return None if limit == "max" else max(0, int(limit) - used + cached)
