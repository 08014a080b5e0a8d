"""A training step as a CUDA graph: the device is given all of it at once, so that small networks don't wait for Python.

The rules are those of PyTorch's notes on CUDA graphs: work on a side stream first, always the same memory, nothing that
makes the host wait, and optimisers whose state is on the device (`nas.training.step` sees to the last two).
"""

import contextlib
import warnings
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

WARM_UP = 3
"""Calls on a side stream before a graph is recorded, in which libraries and optimisers make what they keep."""


class Recorder(Protocol):
    """What can record the work of a device. `CudaGraphs` does; tests have one for a CPU."""

    device: torch.device

    def rehearse(self, work: Callable[[], Tensor]) -> tuple[Tensor, str | None]:
        """Do `work` as if it were recorded; return its result, and what in it can't be, where that is seen."""

    def record(self, work: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        """Record `work` without doing it; return what does it, any number of times, and where its result then is.

        Raises RuntimeError for work that can't be recorded; nothing was done then.
        """


class Captured:
    """A function of tensors of fixed shapes that is recorded after some calls and replayed from then on.

    What can't be recorded goes on as it is, after one warning that says why. Arguments may be on the CPU; the results
    are on the device and belong to the caller.
    """

    def __init__(self, function: Callable[..., Tensor], recorder: Recorder) -> None:
        self._function, self._recorder = function, recorder
        self._inputs: list[Tensor] = []
        self._calls = 0
        self._is_plain = False
        self._replay: Callable[[], None] | None = None
        self._result: Tensor | None = None

    def __call__(self, *inputs: Tensor) -> Tensor:
        """Do the function's work on a copy of `inputs`."""
        self._take(inputs)
        if self._calls == WARM_UP and self._replay is None and not self._is_plain:
            self._record()
        if self._replay is not None and self._result is not None:
            self._replay()
            return self._result.clone()
        if self._is_plain:
            return self._work()
        self._calls += 1
        result, obstacle = self._recorder.rehearse(self._work)
        if obstacle is not None and self._calls == WARM_UP:  # before, libraries may still be making what they keep
            self._give_up(obstacle)
        return result

    def _take(self, inputs: tuple[Tensor, ...]) -> None:
        device = self._recorder.device
        if not self._inputs:
            self._inputs = [torch.empty_like(given, device=device) for given in inputs]
        for mine, given in zip(self._inputs, inputs, strict=True):
            # Only a copy from pinned memory lets the host go on; the allocator keeps that memory until it is done.
            from_host = given.device.type == "cpu" and device.type == "cuda"
            mine.copy_(given.pin_memory() if from_host else given, non_blocking=True)

    def _work(self) -> Tensor:
        return self._function(*self._inputs)

    def _record(self) -> None:
        try:
            self._replay, self._result = self._recorder.record(self._work)
        except RuntimeError as error:
            first = error
            while isinstance(first.__context__, RuntimeError):  # the end of a broken recording fails, too
                first = first.__context__
            self._give_up(str(first).splitlines()[0])

    def _give_up(self, obstacle: str) -> None:
        self._is_plain = True
        warnings.warn(
            f"this training can't run as a CUDA graph and continues without, more slowly: {obstacle.rstrip('.')}",
            stacklevel=4,
        )


class CudaGraphs:
    """Records work on one GPU."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._stream = torch.cuda.Stream(device)

    def rehearse(self, work: Callable[[], Tensor]) -> tuple[Tensor, str | None]:
        """Do `work` on the side stream; the obstacle is the first operator that made the host wait."""
        before = torch.cuda.get_sync_debug_mode()
        self._stream.wait_stream(torch.cuda.current_stream(self.device))
        with warnings.catch_warnings(record=True) as caught, torch.cuda.stream(self._stream):
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                result = work()
            finally:
                torch.cuda.set_sync_debug_mode(before)
        torch.cuda.current_stream(self.device).wait_stream(self._stream)
        waits = [str(one.message).splitlines()[0] for one in caught if "synchroniz" in str(one.message)]
        # A copy of the current stream: the side stream may give the memory of the result to the next call.
        return result.clone(), waits[0] if waits else None

    def record(self, work: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        """Record `work` on the side stream, where it was rehearsed."""
        graph = torch.cuda.CUDAGraph()
        try:
            # The outer context gives the current stream back where the inner one fails at its end.
            with torch.cuda.stream(self._stream), torch.cuda.graph(graph, stream=self._stream):
                result = work()
        except RuntimeError:
            with contextlib.suppress(RuntimeError):
                graph.reset()
            raise
        return graph.replay, result
