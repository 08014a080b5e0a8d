"""Frozen TensorFlow graphs of cell networks: written, and run in numpy, without any of the code under test."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from search_spaces.layers.cell import CellChoices

SCOPE = "test_sr_evaluator_i1_b0_g"
OUTPUT = f"{SCOPE}/yout/BiasAdd"
WIDTH, HR_WIDTH = 32, 8


def varint(number: int) -> bytes:
    number %= 1 << 64
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def message(number: int, content: bytes | str) -> bytes:
    content = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(content)) + content


def integer(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value)


def tensor(array: np.ndarray, *, one_by_one: bool = False) -> bytes:
    kind = {"float32": 1, "int32": 3}[array.dtype.name]
    shape = b"".join(message(2, integer(1, side)) for side in array.shape)
    head = integer(1, kind) + message(2, shape)
    if not one_by_one:
        return head + message(4, array.tobytes())
    if kind == 3:
        return head + message(7, b"".join(varint(int(v)) for v in array.flat))
    return head + message(5, array.tobytes())


def attribute(value: object) -> bytes:
    if isinstance(value, np.ndarray):
        return message(8, tensor(value, one_by_one=value.ndim == 0))
    if isinstance(value, bool):
        return integer(5, value)
    if isinstance(value, int):
        return integer(3, value)
    if isinstance(value, float):
        return varint(4 << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, str):
        return message(2, value)
    return message(1, message(3, b"".join(map(varint, value))))


@dataclass
class Graph:
    """Nodes (name, operation, inputs, attributes) in the order they are computed."""

    nodes: list[tuple[str, str, tuple[str, ...], dict[str, object]]] = field(default_factory=list)
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def node(self, name: str, op: str, *inputs: str, **attributes: object) -> str:
        self.nodes.append((name, op, inputs, attributes))
        return name

    def constant(self, name: str, value: object, kind: type = np.int32) -> str:
        return self.node(name, "Const", value=np.asarray(value, kind))

    def weight(self, name: str, *shape: int) -> str:
        fan_in = np.prod(shape[:3]) if len(shape) == 4 and shape[3] > 1 else shape[0]
        spread = np.sqrt(1.5 / fan_in) if len(shape) == 4 else 0.1
        self.constant(name, self.random.normal(0, spread, shape), np.float32)
        return self.node(f"{name}/read", "Identity", name)

    def file(self, path: Path) -> Path:
        path.write_bytes(b"".join(message(1, _node(*node)) for node in self.nodes))
        return path

    def conv(self, scope: str, source: str, inputs: int, outputs: int, kernel: int, *, relu: bool = True) -> str:
        read = self.weight(f"{scope}/kernel", kernel, kernel, inputs, outputs)
        name = self.node(f"{scope}/Conv2D", "Conv2D", source, read, padding="SAME", strides=[1, 1, 1, 1])
        name = self.node(f"{scope}/BiasAdd", "BiasAdd", name, self.weight(f"{scope}/bias", outputs))
        return self.node(f"{scope}/Relu", "Relu", name) if relu else name

    def grouped(self, scope: str, source: str, inputs: int, outputs: int, kernel: int, groups: int) -> str:
        read = self.weight(f"{scope}/W", kernel, kernel, inputs // groups, outputs)
        axis = self.constant(f"{scope}/split_dim", 3)
        images = self.node(f"{scope}/split", "Split", axis, source, num_split=groups)
        kernels = self.node(f"{scope}/split_1", "Split", axis, read, num_split=groups)
        parts = [
            self.node(
                f"{scope}/Conv2D_{i}", "Conv2D", f"{images}:{i}" if i else images, f"{kernels}:{i}" if i else kernels,
                padding="SAME", strides=[1, 1, 1, 1],
            )
            for i in range(groups)
        ]  # fmt: skip
        name = self.node(f"{scope}/concat", "ConcatV2", *parts, axis, N=groups)
        name = self.node(f"{scope}/bias_add", "BiasAdd", name, self.weight(f"{scope}/b", outputs))
        return self.node(f"{scope}/Relu", "Relu", name)

    def depthwise(self, scope: str, source: str, width: int) -> str:
        read = self.weight(f"{scope}/W_depthwise2d", 3, 3, width, 1)
        name = self.node(f"{scope}/depthwise", "DepthwiseConv2dNative", source, read, padding="SAME", strides=[1] * 4)
        name = self.node(f"{scope}/bias_add", "BiasAdd", name, self.weight(f"{scope}/b_depthwise2d", width))
        return self.node(f"{scope}/Relu", "Relu", name)

    def cell(self, number: int, source: str, inputs: int, cell: CellChoices) -> str:
        """`number` counts from 0, as the authors do."""
        kinds = {"invert": "invertBotConE2", "conv": "conv", "group2": "groupConG2", "group4": "groupConG4"}
        skip = "isskip" if cell.skip else "noskip"
        scope = f"{SCOPE}/cell{number}/{kinds[cell.operation]}_f{cell.width}_k{cell.kernel}_b{cell.repeats}_{skip}"
        if cell.operation == "invert":
            first = last = self.conv(f"{scope}_conv_supple", source, inputs, cell.width, 1, relu=False)
        for i in range(cell.repeats):
            if cell.operation == "invert":
                wide = self.conv(f"{scope}_b{i}_conv_1", last, cell.width, 2 * cell.width, cell.kernel)
                wide = self.depthwise(f"{scope}_b{i}depth_wise", wide, 2 * cell.width)
                narrow = self.conv(f"{scope}_b{i}_conv_2", wide, 2 * cell.width, cell.width, cell.kernel, relu=False)
                last = self.node(f"{scope}_b{i}/add", "Add", narrow, last)
                continue
            before, width = (last, cell.width) if i else (source, inputs)
            if cell.operation == "conv":
                last = self.conv(f"{scope}_b{i}", before, width, cell.width, cell.kernel)
            else:
                last = self.grouped(f"{scope}_b{i}", before, width, cell.width, cell.kernel, int(cell.operation[-1]))
            first = first if i else last
        return self.node(f"{scope}/skip", "Add", first, last) if cell.skip and cell.repeats > 1 else last


def cell_graph(cells: Iterable[CellChoices], sources: Iterable[tuple[int, ...]]) -> Graph:
    """The authors' graph up to the luminance, and a little of what follows, with random weights."""
    graph = Graph()
    image = graph.node("input_image_evaluate_y", "Placeholder")
    colours = graph.node("input_image_evaluate_pbpr", "Placeholder")
    names, widths = [graph.conv(f"{SCOPE}/n32s1/c", image, 1, WIDTH, 3)], [WIDTH]
    for number, (cell, nodes) in enumerate(zip([*cells, None], sources, strict=True)):
        source, inputs = names[nodes[0]], sum(widths[n] for n in nodes)
        if len(nodes) > 1:
            axis = graph.constant(f"{SCOPE}/concat_layer_{number}/axis", -1)
            source = graph.node(f"{SCOPE}/concat_layer_{number}", "ConcatV2", *(names[n] for n in nodes), axis)
        if cell is None:
            names.append(graph.conv(f"{SCOPE}/n32s1/2/0", source, inputs, WIDTH, 3))
        else:
            names.append(graph.cell(number, source, inputs, cell))
            widths.append(cell.width)
    summed = graph.node(f"{SCOPE}/elementwise_layer", "Add", names[-1], names[0])
    large = graph.node(f"{SCOPE}/DepthToSpace", "DepthToSpace", summed, block_size=2)
    luminance = graph.conv(f"{SCOPE}/yout", large, HR_WIDTH, 1, 3, relu=False)
    axis = graph.constant(f"{SCOPE}/concat/axis", -1)
    graph.node(f"{SCOPE}/concat", "ConcatV2", luminance, colours, axis)
    return graph


def run(graph: Graph, image: np.ndarray) -> np.ndarray:
    """The luminance [2H, 2W] that the graph makes of [H, W]."""
    values: dict[str, list[np.ndarray]] = {}
    for name, op, inputs, attributes in graph.nodes:
        if name == f"{SCOPE}/concat":
            break
        given = [values[n.partition(":")[0]][int(n.partition(":")[2] or 0)] for n in inputs]
        values[name] = _compute(op, given, attributes, image)
    return values[OUTPUT][0][..., 0]


def _compute(op: str, given: list[np.ndarray], attributes: dict, image: np.ndarray) -> list[np.ndarray]:
    if op == "Placeholder":
        return [image[..., None].astype(np.float64)]
    if op == "Const":
        return [attributes["value"]]
    if op in ("Conv2D", "DepthwiseConv2dNative"):
        return [_convolve(given[0], given[1].astype(np.float64))]
    if op in ("BiasAdd", "Add"):
        return [given[0] + given[1]]
    if op == "Split":
        parts = given[1].shape[-1] // attributes["num_split"]
        return [given[1][..., i * parts : (i + 1) * parts] for i in range(attributes["num_split"])]
    if op == "ConcatV2":
        return [np.concatenate(given[:-1], axis=-1)]
    if op == "DepthToSpace":
        height, width, channels = given[0].shape
        blocks = given[0].reshape(height, width, 2, 2, channels // 4)
        return [blocks.swapaxes(1, 2).reshape(2 * height, 2 * width, channels // 4)]
    return [np.maximum(given[0], 0)] if op == "Relu" else [given[0]]


def _convolve(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """[H, W, C] → the same size: by a kernel [k, k, C, O], or by one a channel [k, k, C, 1]."""
    height, width, channels = image.shape
    side = kernel.shape[0]
    depthwise = kernel.shape[2:] == (channels, 1) and channels > HR_WIDTH
    padded = np.pad(image, ((side // 2,) * 2, (side // 2,) * 2, (0, 0)))
    total = 0.0
    for y in range(side):
        for x in range(side):
            part = padded[y : y + height, x : x + width]
            total = total + (part * kernel[y, x, :, 0] if depthwise else part @ kernel[y, x])
    return total


def _node(name: str, op: str, inputs: tuple[str, ...], attributes: dict[str, object]) -> bytes:
    entries = (message(5, message(1, key) + message(2, attribute(value))) for key, value in attributes.items())
    return message(1, name) + message(2, op) + b"".join(message(3, source) for source in inputs) + b"".join(entries)
