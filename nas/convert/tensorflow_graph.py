"""Reading a frozen TensorFlow graph without TensorFlow: its nodes, their inputs, attributes and constants.

A graph is a protocol buffer: each field has a number and a wire type (0: a varint, 1: eight bytes, 2: a length and as
many bytes, 5: four bytes). Only the fields of frozen convolutional networks are read. Their numbers are in TensorFlow's
`graph.proto`, `node_def.proto`, `attr_value.proto`, `tensor.proto` and `tensor_shape.proto`.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nas.errors import InputError
from nas.weights import instead_of_weights, most_bytes

Field = int | memoryview
Array = NDArray[np.generic]

_TYPES: Mapping[int, type[np.generic]] = {1: np.float32, 2: np.float64, 3: np.int32, 9: np.int64, 10: np.bool_}
"""Number of a data type in TensorFlow → NumPy type."""

_VALUES = {5: "<f4", 6: "<f8", 7: "varint", 10: "varint", 11: "varint"}
"""Number of a field that holds the elements of a tensor → the encoding of an element."""

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5


@dataclass(frozen=True)
class Node:
    """An operation of a graph."""

    name: str
    op: str
    inputs: tuple[tuple[str, int], ...]
    """(name of a node, number of its output)."""
    attributes: Mapping[str, object]
    """Strings, numbers, booleans and lists of numbers. The `value` of a constant is an array."""


def read_graph(path: Path) -> dict[str, Node]:
    """Return the nodes of a frozen graph by name, in the order of the file, which is the order of execution.

    Raises InputError for another file, and for a graph whose constants take more memory than `nas.weights.most_bytes`.
    """
    try:
        what = instead_of_weights(path)
        if what:
            raise InputError(f"{path} {what}.")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror or error}).") from None
    room = _Room(path, most_bytes())
    try:
        messages = [value for number, value in _fields(memoryview(data)) if number == 1]
        for value in messages:
            _node(value, room)  # checks that all constants fit before memory is taken for any
        nodes = [_node(value) for value in messages]
    except InputError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError):
        nodes = []
    if not nodes:
        raise InputError(f"{path} is not a frozen TensorFlow graph.")
    return {node.name: node for node in nodes}


class _Room:
    """The memory that the constants of a graph may still take. A few bytes of a file can stand for many values."""

    def __init__(self, path: Path, left: int) -> None:
        self._path = path
        self._most = self._left = left

    def take(self, size: int) -> None:
        """Use `size` bytes. Raises InputError if fewer are left."""
        if size > self._left:
            raise InputError(
                f"{self._path} is not read: its constants would take more than {self._most / 2**30:.3g} GiB of memory; "
                "set NAS_MAX_WEIGHTS_GIB to allow more."
            )
        self._left -= size


def _fields(data: memoryview) -> Iterator[tuple[int, Field]]:
    """Yield the number and value of each field of a message. Raises ValueError if the message is cut off."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == _BYTES:
            length, at = _varint(data, at)
        else:
            length = {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}[wire]
        if at + length > len(data):
            raise ValueError("cut off")
        yield number, data[at : at + length]
        at += length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than ten bytes")


def _node(data: Field, room: _Room | None = None) -> Node:
    """Read a node. With a `room`, only the memory of its constant is counted, and the constant stays empty."""
    name = op = ""
    inputs, attributes = [], {}
    for number, value in _message(data):
        if number == 1:
            name = _text(value)
        elif number == 2:
            op = _text(value)
        elif number == 3:
            source, _, output = _text(value).partition(":")
            if not source.startswith("^"):  # "^" marks an order of execution, not an input
                inputs.append((source, int(output or 0)))
        elif number == 5:
            entry = dict(_message(value))
            attributes[_text(entry[1])] = _attribute(entry[2], room)
    return Node(name, op, tuple(inputs), attributes)


def _attribute(data: Field, room: _Room | None) -> object:
    for number, value in _message(data):
        if number == 1:
            numbers: list[int] = []
            for field, item in _message(value):
                if field == 3:
                    numbers += _integers(item)
            return numbers
        if number == 2:
            return _text(value)
        if number == 3:
            return _signed(value)
        if number == 4:
            return float(np.frombuffer(_bytes(value), "<f4")[0])
        if number == 5:
            return bool(value)
        if number == 8:
            return _tensor(value, room)
    return None  # a type, or the shape of a placeholder: the weights don't depend on them


def _tensor(data: Field, room: _Room | None) -> Array:
    kind, shape, content = 1, [], b""
    values: list[NDArray[np.generic]] = []
    for number, value in _message(data):
        if number == 1:
            kind = _integer(value)
        elif number == 2:
            shape = [_signed(dict(_message(dim)).get(1, 0)) for field, dim in _message(value) if field == 2]
        elif number == 4:
            content = bytes(_bytes(value))
        elif number in _VALUES:
            values.append(_elements(value, _VALUES[number]))
    if kind not in _TYPES or min(shape, default=0) < 0:
        raise ValueError(f"data type {kind}, shape {shape}")
    if room is not None:
        room.take(math.prod(shape) * np.dtype(_TYPES[kind]).itemsize)
        return np.zeros(0)
    if content:
        return np.frombuffer(content, np.dtype(_TYPES[kind]).newbyteorder("<")).reshape(shape)
    flat = (np.concatenate(values) if values else np.zeros(1)).astype(_TYPES[kind])
    # TensorFlow leaves out repeated values at the end of a constant.
    missing = math.prod(shape) - flat.size
    return np.pad(flat, (0, missing), mode="edge").reshape(shape)


def _elements(value: Field, layout: str) -> NDArray[np.generic]:
    if layout == "varint":
        return np.fromiter(_integers(value), np.int64)
    return np.frombuffer(_bytes(value), layout)


def _integers(value: Field) -> Iterator[int]:
    """Yield the integers of a field: a single integer, or several that are packed."""
    if isinstance(value, int):
        yield _signed(value)
        return
    at = 0
    while at < len(value):
        number, at = _varint(value, at)
        yield _signed(number)


def _signed(value: Field) -> int:
    number = _integer(value)
    return number - (1 << 64) if number >= 1 << 63 else number


def _integer(value: Field) -> int:
    if not isinstance(value, int):
        raise ValueError("a number was expected")
    return value


def _bytes(value: Field) -> memoryview:
    if isinstance(value, int):
        raise ValueError("bytes were expected")
    return value


def _message(value: Field) -> Iterator[tuple[int, Field]]:
    return _fields(_bytes(value))


def _text(value: Field) -> str:
    return str(_bytes(value), "utf-8")
