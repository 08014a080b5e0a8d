from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import onnx
import pytest
import torch
from torch import Tensor, nn

from nas.deploy.latency import Latency, PartLatency, meter, total
from nas.deploy.latency_line import Line, fit
from nas.deploy.latency_runtime import Shape
from nas.deploy.latency_table import LatencyTable
from nas.errors import RunError
from search_spaces import SPACES, Architecture, Choices, SearchSpace, Values
from search_spaces.layers.conv import conv
from search_spaces.layers.upsample import PixelShuffleDirect
from search_spaces.part import Part

SIZE = (64, 48)


class Rows(SearchSpace):
    """Rows of convolutions: small enough to be exported many times."""

    name = "rows"
    summary = "a row of convolutions"
    options: ClassVar[dict[str, Values]] = {"depth": range(1, 5)}

    def network(self, choices: Choices, scale: int, channels: int) -> nn.Module:
        depth = int(choices["depth"])
        row = (conv(8, 8) for _ in range(depth))
        network = nn.Sequential(conv(channels, 8), *row, PixelShuffleDirect(8, channels, scale))
        nn.init.zeros_(network[-2].weight)
        return network

    def parts(self, choices: Choices, scale: int, channels: int) -> list[Part]:
        return [
            Part(conv, (channels, 8), channels),
            Part(conv, (8, 8), 8, repeats=int(choices["depth"])),
            Part(PixelShuffleDirect, (8, channels, scale), 8),
        ]


class Opaque(Rows):
    name = "opaque"

    def parts(self, choices: Choices, scale: int, channels: int) -> None:
        return None


class Orthogonal(nn.Module):
    """Something that ONNX has no operators for."""

    def forward(self, image: Tensor) -> Tensor:
        return torch.linalg.qr(image).Q


class Unexportable(Rows):
    name = "unexportable"

    def parts(self, choices: Choices, scale: int, channels: int) -> list[Part]:
        return [Part(Orthogonal, (), channels)]


@pytest.fixture(autouse=True)
def spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    SPACES.names()  # so that they are loaded before
    for space in (Rows(), Opaque(), Unexportable()):
        monkeypatch.setitem(SPACES._members, space.name, space)


def row(depth: int, space: str = "rows") -> Architecture:
    return Architecture(space, 2, 1, {"depth": depth})


@dataclass
class Counter:
    """A runtime that needs a millisecond for each convolution and 0.5 ms for a start, and looks at what it is given."""

    name: str = "a counter"
    seen: list[Shape] = field(default_factory=list)

    def ms(self, onnx_file: Path, shape: Shape) -> float:
        graph = onnx.load(onnx_file).graph
        assert tuple(d.dim_value for d in graph.input[0].type.tensor_type.shape.dim) == shape
        assert all(onnx.numpy_helper.to_array(tensor).any() for tensor in graph.initializer), "nothing to leave out"
        self.seen.append(shape)
        return 0.5 + sum(node.op_type == "Conv" for node in graph.node)


def latency(folder: Path) -> tuple[Latency, Counter]:
    counter = Counter()
    return Latency(counter, LatencyTable(folder, counter.name)), counter


def test_a_network_is_predicted_from_its_parts_by_what_whole_networks_took(tmp_path: Path) -> None:
    of, counter = latency(tmp_path)
    # Before anything whole was measured, it is the sum; equal parts in a row share one start.
    assert of.parts(row(3), SIZE) == [
        PartLatency("conv 1 8, 1 x 24 x 32", 1, 1.5),
        PartLatency("conv 8 8, 8 x 24 x 32", 3, 1.25),
        PartLatency("PixelShuffleDirect 8 1 2, 8 x 24 x 32", 1, 1.5),
    ]
    assert of.ms(row(3), SIZE) == 6.75
    assert of.error(row(3), SIZE) is None
    assert counter.seen == [(1, 1, 24, 32), (1, 8, 24, 32), (1, 8, 24, 32)]

    of.calibrate([row(1), row(2)], SIZE)
    pairs = [(4.25, 3.5), (5.5, 4.5)]
    assert len(counter.seen) == 5, "parts are measured once"
    for depth in (3, 4):
        parts = of.parts(row(depth), SIZE)
        assert parts is not None
        assert of.ms(row(depth), SIZE) == fit(pairs).ms(total(parts))

    # What is measured afterwards doesn't change predictions, but is held against them.
    before = of.ms(row(4), SIZE)
    assert of.measured(row(4), SIZE) == 6.5
    assert of.ms(row(4), SIZE) == before
    error = of.error(row(4), SIZE)
    assert error is not None and error.networks == 3
    assert of.honest_ms(row(1), SIZE) == Line(4.5 / 5.5).ms(4.25), "as if it had not been measured"

    again, counter = latency(tmp_path)
    again.calibrate([row(1), row(2)], SIZE)
    assert again.ms(row(4), SIZE) == before
    assert counter.seen == [], "what one process has measured, no other measures again"


def test_a_space_without_parts_is_measured_whole_and_once(tmp_path: Path) -> None:
    of, counter = latency(tmp_path)
    assert of.ms(row(2, "opaque"), SIZE) == of.ms(row(2, "opaque"), SIZE) == 4.5
    assert of.honest_ms(row(2, "opaque"), SIZE) is None and of.parts(row(2, "opaque"), SIZE) is None
    of.calibrate([row(1, "opaque")], SIZE)
    assert of.error(row(2, "opaque"), SIZE) is None
    assert counter.seen == [(1, 1, 24, 32)]


def test_what_can_not_be_exported_is_named(tmp_path: Path) -> None:
    of, counter = latency(tmp_path)
    with pytest.raises(RunError, match="The part 'Orthogonal' can't be exported to ONNX: "):
        of.ms(row(1, "unexportable"), SIZE)
    assert counter.seen == []


def test_onnx_runtime_tells_the_time_of_a_real_network(tmp_path: Path) -> None:
    of = meter(None, 1, tmp_path)
    architecture = Architecture("hybrid", 2, 1, SPACES.get("hybrid").smallest)
    assert 0 < of.measured(architecture, SIZE) < 1000
    assert 0 < of.ms(architecture, SIZE) < 1000
    [file] = tmp_path.glob("*.json")
    assert of.runtime.name in file.read_text()
