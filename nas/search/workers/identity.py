"""Who a worker is, so that others on the same machine can see whether it lives."""

import os
import platform
import uuid
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")
_STATE, _START = 3, 22
"""Fields of `/proc/PID/stat`: the state, and when the process started, in clock ticks since the boot (proc(5))."""


def worker_name() -> str:
    """Name this process: `machine/pid/start`.

    The machine is told by its boot and its process namespace: the machines of one cloud image share a host name, and
    containers of one machine don't see each other's processes. The start tells a process from a later one that has its
    number.
    """
    return f"{_machine()}/{os.getpid()}/{_start_of(os.getpid())}"


def is_dead(worker: str) -> bool:
    """Tell whether a worker's process is known to be gone; False for one of another machine, which can't be seen."""
    machine, _, rest = worker.partition("/")
    pid, _, start = rest.partition("/")
    if machine != _machine() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return _start_of(int(pid)) != start


def _machine() -> str:
    try:
        return f"{_BOOT_ID.read_text().strip()}:{_NAMESPACE.readlink()}"
    except OSError:  # not Linux: the network card's address tells machines apart, as far as there is one
        return f"{platform.node()}:{uuid.getnode():x}"


def _start_of(pid: int) -> str:
    """Return when a process started; `gone` for one that has ended, empty where that can't be known."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    # The second field is the program's name in brackets, which may hold spaces and brackets itself.
    fields = stat.rpartition(")")[2].split()
    return "gone" if fields[_STATE - 3] == "Z" else fields[_START - 3]
