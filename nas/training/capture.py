"""A training step as a CUDA graph: the GPU gets the whole step at once, so small networks don't wait for Python.

PyTorch's notes on CUDA graphs give the rules: first run the work on a side stream, always use the same memory, never
make the host wait, and keep the state of optimisers on the device. `nas.training.step` keeps the last two rules.
"""

import contextlib
import warnings
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

WARM_UP = 3
"""Number of calls on a side stream before a graph is recorded. In these calls libraries and optimisers set up state."""


class Recorder(Protocol):
    """Records the work of a device. `CudaGraphs` records a GPU; tests have a recorder for the CPU."""

    device: torch.device

    def rehearse(self, work: Callable[[], Tensor]) -> tuple[Tensor, str | None]:
        """Run `work` as if it were recorded; return its result, and an obstacle to recording it, or None."""

    def record(self, work: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        """Record `work` without running it; return a function that runs it, and the tensor that then has its result.

        Raises RuntimeError for work that can't be recorded. Then nothing was run.
        """


class Captured:
    """A function of tensors with fixed shapes, which is recorded after some calls and then replayed.

    A function that can't be recorded is called as before, after one warning with the reason. Arguments may be on the
    CPU. Results are on the device and belong to the caller.
    """

    def __init__(self, function: Callable[..., Tensor], recorder: Recorder) -> None:
        self._function, self._recorder = function, recorder
        self._inputs: list[Tensor] = []
        self._calls = 0
        self._is_plain = False
        self._replay: Callable[[], None] | None = None
        self._result: Tensor | None = None

    def __call__(self, *inputs: Tensor) -> Tensor:
        """Call the function, or its recording, with copies of `inputs`."""
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
        if obstacle is not None and self._calls == WARM_UP:  # in earlier calls libraries may still set up state
            self._give_up(obstacle)
        return result

    def _take(self, inputs: tuple[Tensor, ...]) -> None:
        device = self._recorder.device
        if not self._inputs:
            self._inputs = [torch.empty_like(given, device=device) for given in inputs]
        for mine, given in zip(self._inputs, inputs, strict=True):
            # Only a copy from pinned memory doesn't make the host wait. The allocator keeps that memory until then.
            from_host = given.device.type == "cpu" and device.type == "cuda"
            mine.copy_(given.pin_memory() if from_host else given, non_blocking=True)

    def _work(self) -> Tensor:
        return self._function(*self._inputs)

    def _record(self) -> None:
        try:
            self._replay, self._result = self._recorder.record(self._work)
        except RuntimeError as error:
            first = error
            while isinstance(first.__context__, RuntimeError):  # the end of a failed recording raises an error, too
                first = first.__context__
            self._give_up(str(first).splitlines()[0])

    def _give_up(self, obstacle: str) -> None:
        self._is_plain = True
        warnings.warn(
            f"this training can't run as a CUDA graph and continues without, more slowly: {obstacle.rstrip('.')}",
            stacklevel=4,
        )


class CudaGraphs:
    """Records the work of a GPU."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._stream = torch.cuda.Stream(device)

    def rehearse(self, work: Callable[[], Tensor]) -> tuple[Tensor, str | None]:
        """Run `work` on the side stream. The obstacle is the first operator that made the host wait."""
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
        messages = [str(warning.message) for warning in caught]
        waits = [message.splitlines()[0] for message in messages if "synchroniz" in message]
        # Copied on the current stream, because the side stream may reuse the memory of the result in the next call.
        return result.clone(), waits[0] if waits else None

    def record(self, work: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        """Record `work` on the side stream, where it was rehearsed."""
        graph = torch.cuda.CUDAGraph()
        try:
            # The outer context restores the current stream if the inner context fails at its end.
            with torch.cuda.stream(self._stream), torch.cuda.graph(graph, stream=self._stream):
                result = work()
        except RuntimeError:
            with contextlib.suppress(RuntimeError):
                graph.reset()
            raise
        return graph.replay, result
