"""Runtimes that latencies are measured on: ONNX Runtime on this machine's CPU, or a command of the user."""

import os
import platform
import re
import shlex
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from nas.deploy.packages import required
from nas.errors import InputError, RunError

Shape = tuple[int, int, int, int]
"""(1, channels, height, width) of an input."""

WARM_UP = 2
"""Number of first runs that don't count, because they allocate memory and fill caches."""

LEAST_RUNS, MOST_SECONDS = 5, 3.0
"""A measurement makes at least `LEAST_RUNS` runs. It ends when the median is steady, or after `MOST_SECONDS`."""

STEADY = 0.02
"""The median is steady if the medians of the first and the second half of the runs differ by at most this share."""

TIMEOUT_SECONDS = 600


class Runtime(Protocol):
    """Runs ONNX files and measures how long they take."""

    @property
    def name(self) -> str:
        """Everything that influences the times, in words. Times of equal names are comparable."""

    def ms(self, onnx_file: Path, shape: Shape) -> float:
        """Return the time for an input of `shape` in ms, after warming up. Raises InputError or RunError."""


@dataclass(frozen=True)
class OnnxRuntimeCpu:
    """ONNX Runtime on `threads` cores of this machine's CPU. Its threads are pinned to these cores.

    With one thread, the time is the CPU time of the thread. This is the latency on a machine without other work, and is
    hardly longer while trainings run beside it. Several threads wait for each other, so wall-clock time is measured.
    """

    threads: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.threads <= _cores():
            raise InputError(f"A latency is measured with 1 to {_cores()} threads here, not {self.threads}.")

    @property
    def name(self) -> str:
        """Version, processor and number of threads."""
        version, threads = required("onnxruntime").__version__, f"{self.threads} thread{'s' * (self.threads > 1)}"
        return f"ONNX Runtime {version}, {_processor()}, {threads}"

    def ms(self, onnx_file: Path, shape: Shape) -> float:
        """Return the median time in ms."""
        runtime = required("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self.threads, 1
        options.log_severity_level = 3  # only errors
        for pool in ("intra_op", "inter_op"):
            options.add_session_config_entry(f"session.{pool}.allow_spinning", "0")
        image = torch.rand(shape, generator=torch.Generator().manual_seed(0)).numpy()
        try:
            # The threads of a session inherit the cores of the thread that makes the session.
            with _pinned(self.threads):
                session = runtime.InferenceSession(str(onnx_file), options, providers=["CPUExecutionProvider"])
                # Bound tensors, so that copies between Python and the runtime are not measured.
                binding = session.io_binding()
                binding.bind_ortvalue_input(session.get_inputs()[0].name, runtime.OrtValue.ortvalue_from_numpy(image))
                binding.bind_output(session.get_outputs()[0].name)
                clock = time.thread_time if self.threads == 1 else time.perf_counter
                return _median_ms(lambda: session.run_with_iobinding(binding), clock)
        except Exception as error:  # ONNX Runtime's errors have no base class of their own
            raise RunError(f"ONNX Runtime can't run {onnx_file}: {str(error).partition(chr(10))[0]}") from error


def _median_ms(run: Callable[[], object], clock: Callable[[], float]) -> float:
    for _ in range(WARM_UP):
        run()
    times: list[float] = []
    ends = time.perf_counter() + MOST_SECONDS
    while not _is_steady(times):  # checked after 5, 10, 20 … runs
        for _ in range(max(LEAST_RUNS, len(times))):
            if time.perf_counter() > ends and len(times) >= LEAST_RUNS:
                return statistics.median(times)
            started = clock()
            run()
            times.append((clock() - started) * 1e3)
    return statistics.median(times)


def _is_steady(times: list[float]) -> bool:
    if not times:
        return False
    middle = len(times) // 2
    first, second = statistics.median(times[:middle]), statistics.median(times[middle:])
    return abs(first - second) <= STEADY * statistics.median(times)


@contextmanager
def _pinned(threads: int) -> Iterator[None]:
    """Pin this thread, and the threads that it starts, to the last `threads` of its cores, if the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[-threads:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    try:
        named = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        named = None
    return named[1].strip() if named else platform.processor() or platform.machine()


@dataclass(frozen=True)
class DeviceCommand:
    """A command that gets an ONNX file, measures its time and prints milliseconds as its last number.

    `{model}` in the command stands for the file, and `{channels}`, `{height}` and `{width}` for the size of its input.
    The command runs without a shell.
    """

    command: str

    def __post_init__(self) -> None:
        if "{model}" not in self.command:
            raise InputError(f"The latency command '{self.command}' has no {{model}}, which stands for the ONNX file.")
        try:
            shlex.split(self.command)
        except ValueError as error:
            raise InputError(f"The latency command '{self.command}' can't be read: {error}.") from None

    @property
    def name(self) -> str:
        """The command."""
        return self.command

    def ms(self, onnx_file: Path, shape: Shape) -> float:
        """Run the command and return the milliseconds that it prints."""
        values = {"model": onnx_file, "channels": shape[1], "height": shape[2], "width": shape[3]}
        words = [re.sub(r"\{(\w+)\}", lambda m: str(values.get(m[1], m[0])), w) for w in shlex.split(self.command)]
        try:
            ended = subprocess.run(
                words, capture_output=True, text=True, errors="replace", timeout=TIMEOUT_SECONDS, check=False
            )
        except OSError as error:
            raise InputError(f"The latency command '{words[0]}' can't be started: {error.strerror}.") from None
        except subprocess.TimeoutExpired:
            raise RunError(f"The latency command '{self.command}' took over {TIMEOUT_SECONDS} s.") from None
        if ended.returncode:
            reason = _last_line(ended.stderr) or _last_line(ended.stdout) or "it printed nothing"
            raise RunError(f"The latency command '{self.command}' failed with exit code {ended.returncode}: {reason}")
        numbers = re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", ended.stdout)
        if not numbers or float(numbers[-1]) <= 0:
            printed = _last_line(ended.stdout) or "nothing"
            raise RunError(f"The latency command '{self.command}' must print milliseconds, but printed: {printed}")
        return float(numbers[-1])


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def runtime(command: str | None = None, threads: int = 1) -> Runtime:
    """Return the runtime of the user's command if there is a command, else ONNX Runtime on this CPU."""
    return DeviceCommand(command) if command else OnnxRuntimeCpu(threads)
