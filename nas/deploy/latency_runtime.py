"""What a latency is measured on: ONNX Runtime on this machine's CPU, or a command of the user that asks a device."""

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

from nas.deploy.onnx import required
from nas.errors import InputError, RunError

Shape = tuple[int, int, int, int]
"""1, channels, height and width of an input."""

WARM_UP = 2
"""Runs that don't count: the first ones allocate memory and fill caches."""

LEAST_RUNS, MOST_SECONDS = 5, 3.0
"""A measurement has at least so many runs, then goes on for so long, or until its median stands still."""

STEADY = 0.02
"""The median stands still when those of the first and of the second half of the runs differ by no more than this."""

TIMEOUT_SECONDS = 600


class Runtime(Protocol):
    """Something that runs ONNX files and can tell how long one takes."""

    @property
    def name(self) -> str:
        """What all times belong to: everything that would change them, in words."""

    def ms(self, onnx_file: Path, shape: Shape) -> float:
        """Return the time of one input of `shape` in ms, once warm. Raises InputError or RunError."""


@dataclass(frozen=True)
class OnnxRuntimeCpu:
    """ONNX Runtime on `threads` cores of this machine's CPU, to which its threads are pinned.

    With one thread, the time is that which the thread has run: it is the latency on a machine without other work, and
    hardly longer while trainings run beside it. Several threads wait for each other, so theirs is by the clock.
    """

    threads: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.threads <= _cores():
            raise InputError(f"A latency is measured with 1 to {_cores()} threads here, not {self.threads}.")

    @property
    def name(self) -> str:
        """Version, processor and threads."""
        version, threads = required("onnxruntime").__version__, f"{self.threads} thread{'s' * (self.threads > 1)}"
        return f"ONNX Runtime {version}, {_processor()}, {threads}"

    def ms(self, onnx_file: Path, shape: Shape) -> float:
        """Return the median time in ms."""
        runtime = required("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self.threads, 1
        options.log_severity_level = 3  # errors alone
        for pool in ("intra_op", "inter_op"):
            options.add_session_config_entry(f"session.{pool}.allow_spinning", "0")
        image = torch.rand(shape, generator=torch.Generator().manual_seed(0)).numpy()
        try:
            # The threads of a session inherit the cores of the one that makes it.
            with _pinned(self.threads):
                session = runtime.InferenceSession(str(onnx_file), options, providers=["CPUExecutionProvider"])
                # Bound, so that copies between Python and the runtime are not measured.
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
    while not _is_steady(times):  # looked at 5, 10, 20 … runs
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
    """Keep this thread, and those that it starts, on the last `threads` of its cores, where the system has that."""
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
    """A command that is given an ONNX file, measures it somewhere and prints milliseconds as its last number.

    `{model}` stands for the file, `{channels}`, `{height}` and `{width}` for its input. No shell is involved.
    """

    command: str

    def __post_init__(self) -> None:
        if "{model}" not in self.command:
            raise InputError(f"The latency command '{self.command}' has no {{model}}, for which the ONNX file is put.")
        try:
            shlex.split(self.command)
        except ValueError as error:
            raise InputError(f"The latency command '{self.command}' can't be read: {error}.") from None

    @property
    def name(self) -> str:
        """The command."""
        return self.command

    def ms(self, onnx_file: Path, shape: Shape) -> float:
        """Run the command and return what it says."""
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
            said = _last_line(ended.stderr) or _last_line(ended.stdout) or "without a word"
            raise RunError(f"The latency command '{self.command}' failed with exit code {ended.returncode}: {said}")
        numbers = re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", ended.stdout)
        if not numbers or float(numbers[-1]) <= 0:
            said = _last_line(ended.stdout) or "nothing"
            raise RunError(f"The latency command '{self.command}' must print milliseconds, but printed: {said}")
        return float(numbers[-1])


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def runtime(command: str | None = None, threads: int = 1) -> Runtime:
    """Return what measures: the user's command where one is given, else ONNX Runtime on this CPU."""
    return DeviceCommand(command) if command else OnnxRuntimeCpu(threads)
