"""The identity of a worker, by which others on the same machine see whether it is alive."""

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

    The machine is identified by its boot id and process namespace: machines of one cloud image share a host name, and
    containers of one machine do not see each other's processes. The start time distinguishes a process from a later
    process with the same number.
    """
    return f"{_machine()}/{os.getpid()}/{_start_of(os.getpid())}"


def is_dead(worker: str) -> bool:
    """Return whether a worker's process is certainly gone; False for a worker of another machine."""
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
    except OSError:  # not Linux: the address of the network card distinguishes machines, if there is one
        return f"{platform.node()}:{uuid.getnode():x}"


def _start_of(pid: int) -> str:
    """Return when a process started; `gone` if it has ended, empty if unknown."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    # The second field is the program's name in brackets, which may hold spaces and brackets itself.
    fields = stat.rpartition(")")[2].split()
    return "gone" if fields[_STATE - 3] == "Z" else fields[_START - 3]
