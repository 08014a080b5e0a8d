"""Architectures as numbers, for models that learn from them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from search_spaces import Choices, SearchSpace

Networks = Sequence[tuple[Choices, Mapping[str, float]]]
"""The choices of networks with their costs, `macs` and `params` among them."""

Features = np.ndarray[Any, np.dtype[np.float64]]


class Encoding:
    """The choices of a space as a vector.

    An ordered choice is a number in 0..1. A categorical choice is one-hot: a number, 0 or 1, for each value. Equal
    networks have equal vectors, since choices without effect are set to their canonical value first.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self.names = tuple(
            name if isinstance(values, range) else f"{name}={value}"
            for name, values in space.options.items()
            for value in (values[:1] if isinstance(values, range) else values)
        )
        """The meaning of each number, e.g. `width` or `cell3.block=conv`."""
        kinds = [_kind(name) for name in self.names]
        self.totals = tuple(dict.fromkeys(kind for kind in kinds if kinds.count(kind) > 1))
        """The sums over cells or edges: `cell.block=conv` is the number of cells with that block."""
        self._summed = np.array([[float(kind == total) for kind in kinds] for total in self.totals])

    def __call__(self, choices: Choices) -> Features:
        """Return the vector of `choices`, [len(names)]; a categorical value outside a narrowed space is all zeros."""
        settled = self.space.canonical(self.space.completed(choices))
        numbers: list[float] = []
        for name, values in self.space.options.items():
            if isinstance(values, range):
                numbers.append((int(settled[name]) - values[0]) / max(1, values[-1] - values[0]))
            else:
                numbers += [float(settled[name] == value) for value in values]
        return np.array(numbers)

    def sums(self, choices: Choices) -> Features:
        """Return the sums of equal choices over all cells, [len(totals)]: how often a choice occurs, in any place."""
        numbers = self(choices)
        return self._summed @ numbers if self.totals else np.zeros(0)

    def blocks(self, networks: Networks) -> list[Features]:
        """Return the features of networks, given with their `macs` and `params`, as three blocks of columns.

        The blocks are the choices, the sums over cells, and the binary logarithms of the two costs.
        """
        numbers = np.array([self(choices) for choices, _ in networks])
        sums = np.array([self.sums(choices) for choices, _ in networks])
        return [numbers, sums, np.log2([[costs["macs"], costs["params"]] for _, costs in networks])]


def _kind(name: str) -> str:
    """Return the name of a number without its place: `cell.block=conv` of `cell3.block=conv`, `edge` of `edge.0-4`."""
    choice, equals, value = name.partition("=")
    before, dot, after = choice.partition(".")
    place = re.sub(r"\d+$", "", before)
    return place + (dot + after if not re.fullmatch(r"\d+-\d+", after) else "") + equals + value if dot else name
