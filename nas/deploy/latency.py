"""The latency of networks on a user's runtime, predicted from the times of their parts and of whole networks."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from nas.cost import HR_SIZE
from nas.deploy.latency_line import Line, LineError, Pair, fit, left_out
from nas.deploy.latency_runtime import Runtime, Shape, runtime
from nas.deploy.latency_table import LatencyTable, NetworkTime
from nas.deploy.onnx import to_fixed_onnx
from nas.image_size import Size, show_size
from search_spaces import SPACES, Architecture
from search_spaces.part import Part

IN_A_ROW = 2
"""Number of copies of a part that are measured in a row, if its output has the shape of its input.

A part alone has a conversion of the memory layout at each end. In a network there is no conversion between parts.
"""


@dataclass(frozen=True)
class PartLatency:
    """The time of a part of a network."""

    what: str
    """The part and the size of its input, in words."""
    repeats: int
    ms: float
    """The time of a single repeat."""


class Latency:
    """Predicts and measures latencies on a runtime. Measurements stay in a table that processes share."""

    def __init__(self, runtime: Runtime, table: LatencyTable) -> None:
        self.runtime = runtime
        self._table = table
        self._basis: dict[str, tuple[str, ...]] = {}

    def ms(self, architecture: Architecture, hr_size: Size = HR_SIZE) -> float:
        """Return the latency in ms for an HR image of (width, height) pixels.

        If the space describes its networks as parts, the latency is predicted from the times of the parts, and new
        parts are measured. Otherwise the whole network is measured. Raises InputError or RunError if measuring fails.
        """
        parts = self.parts(architecture, hr_size)
        if parts is None:
            return self.measured(architecture, hr_size)
        return self._line(setting(architecture, hr_size)).ms(total(parts))

    def honest_ms(self, architecture: Architecture, hr_size: Size = HR_SIZE) -> float | None:
        """Return the prediction without using a measurement of this network itself; None in a space without parts."""
        parts = self.parts(architecture, hr_size)
        if parts is None:
            return None
        return self._line(setting(architecture, hr_size), without=_key(architecture, hr_size)).ms(total(parts))

    def measured(self, architecture: Architecture, hr_size: Size = HR_SIZE) -> float:
        """Return the measured time of the whole network in ms. Each network is measured once."""

        def measure() -> NetworkTime:
            parts = self.parts(architecture, hr_size)
            what = f"A network of the space '{architecture.space}'"
            ms = self._measure(architecture.build, _lr_shape(architecture, hr_size), what)
            where, parts_ms = setting(architecture, hr_size), None if parts is None else total(parts)
            return NetworkTime(setting=where, fingerprint=architecture.fingerprint, ms=ms, parts_ms=parts_ms)

        return self._table.network(_key(architecture, hr_size), measure).ms

    def parts(self, architecture: Architecture, hr_size: Size = HR_SIZE) -> list[PartLatency] | None:
        """Return the measured times of a network's parts; None in a space without parts. Each part is measured once."""
        parts, shape = _parts(architecture), _lr_shape(architecture, hr_size)
        return None if parts is None else [self._part(part, shape) for part in parts]

    def _part(self, part: Part, lr: Shape) -> PartLatency:
        args = part.args if part.timed_as is None else part.timed_as
        shape = 1, part.inputs, -(-lr[2] // part.divisor), -(-lr[3] // part.divisor)
        name = " ".join([part.build.__qualname__.lstrip("_"), *map(str, args)])
        content = [part.build.__module__, part.build.__qualname__, args, shape]
        key = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
        what = f"{name}, {part.inputs} x {shape[2]} x {shape[3]}"

        def measure() -> float:
            copies = IN_A_ROW if _keeps_shape(part.build(*args), part.inputs) else 1

            def build() -> nn.Module:
                return nn.Sequential(*(part.build(*args) for _ in range(copies)))

            return self._measure(build, shape, f"The part '{name}'") / copies

        return PartLatency(what, part.repeats, self._table.part(key, what, measure))

    def _measure(self, build: Callable[[], nn.Module], shape: Shape, what: str) -> float:
        with torch.random.fork_rng(devices=[]), tempfile.TemporaryDirectory() as folder:
            torch.manual_seed(0)
            file = Path(folder) / "model.onnx"
            to_fixed_onnx(_without_zeros(build()), shape, what, file)
            return self.runtime.ms(file, shape)

    def calibrate(
        self,
        architectures: Sequence[Architecture],
        hr_size: Size = HR_SIZE,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Base the predictions of this object on these networks only, which are measured whole.

        Without this call predictions are based on all measured networks, so they change with each new measurement.
        Networks of a space without parts are left out. `progress` is called with (done, total).
        """
        networks = [a for a in architectures if _parts(a) is not None]
        for done, architecture in enumerate(networks, start=1):
            self.measured(architecture, hr_size)
            if progress:
                progress(done, len(networks))
        for where in {setting(architecture, hr_size) for architecture in networks}:
            keys = [_key(a, hr_size) for a in networks if setting(a, hr_size) == where]
            self._basis[where] = tuple(dict.fromkeys(keys))

    def error(self, architecture: Architecture, hr_size: Size = HR_SIZE) -> LineError | None:
        """Return the error of predictions for networks of the same space, scale, channels and image size.

        Each measured network is predicted without its own measurement. None if nothing was measured or predicted.
        """
        where = setting(architecture, hr_size)
        measured, fitted = self._pairs(where), self._fitted(where)
        others = [pair for key, pair in measured.items() if key not in fitted]
        return left_out([measured[key] for key in fitted], others)

    def _line(self, where: str, without: str | None = None) -> Line:
        measured = self._pairs(where)
        return fit([measured[key] for key in self._fitted(where) if key != without])

    def _fitted(self, where: str) -> Iterable[str]:
        """Return the keys of the networks to which the line is fitted."""
        return self._basis.get(where) or self._pairs(where)

    def _pairs(self, where: str) -> dict[str, Pair]:
        times = self._table.networks(where)
        return {key: (time.parts_ms, time.ms) for key, time in times.items() if time.parts_ms is not None}


def meter(command: str | None, threads: int, cache: Path) -> Latency:
    """Return the latencies on the user's command if there is a command, else on ONNX Runtime with `threads` cores.

    `cache` is the folder of the tables, with a file for each runtime. Raises InputError for a wrong command, and for a
    number of threads that this machine doesn't have.
    """
    on = runtime(command, threads)
    return Latency(on, LatencyTable(cache, on.name))


def total(parts: Iterable[PartLatency]) -> float:
    """Return the sum of the times of parts in ms."""
    return sum(part.repeats * part.ms for part in parts)


def setting(architecture: Architecture, hr_size: Size) -> str:
    """Return space, scale, channels and image size in words. Networks with the same words share a line."""
    channels = f"{architecture.channels} channel{'s' * (architecture.channels > 1)}"
    return f"{architecture.space} x{architecture.scale}, {channels}, HR {show_size(hr_size)}"


def _parts(architecture: Architecture) -> Sequence[Part] | None:
    return SPACES.get(architecture.space).parts(architecture.choices, architecture.scale, architecture.channels)


def _key(architecture: Architecture, hr_size: Size) -> str:
    return f"{architecture.fingerprint} {show_size(hr_size)}"


def _lr_shape(architecture: Architecture, hr_size: Size) -> Shape:
    width, height = hr_size
    return 1, architecture.channels, height // architecture.scale, width // architecture.scale


@torch.no_grad()
def _keeps_shape(module: nn.Module, inputs: int) -> bool:
    image = torch.empty(1, inputs, 64, 64, device="meta")
    return bool(module.to("meta")(image).shape == image.shape)


@torch.no_grad()
def _without_zeros(network: nn.Module) -> nn.Module:
    """Fill tensors that start at zero, because a runtime may skip a multiplication by zero."""
    for parameter in network.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.02)
    return network
