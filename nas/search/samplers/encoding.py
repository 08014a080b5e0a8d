"""Architectures as numbers for what learns from them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from search_spaces import Choices, SearchSpace

Features = np.ndarray[Any, np.dtype[np.float64]]


class Encoding:
    """The choices of a space as a vector: an ordered choice is one number in 0..1, of another each value is one.

    Networks that are equal have equal vectors, since choices without effect are settled first.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self.names = tuple(
            name if isinstance(values, range) else f"{name}={value}"
            for name, values in space.options.items()
            for value in (values[:1] if isinstance(values, range) else values)
        )
        """What each number stands for."""
        kinds = [_kind(name) for name in self.names]
        self.totals = tuple(dict.fromkeys(kind for kind in kinds if kinds.count(kind) > 1))
        """What is added up over the cells, or the edges: `cell.block=conv` is how many cells are one."""
        self._summed = np.array([[float(kind == total) for kind in kinds] for total in self.totals])

    def __call__(self, choices: Choices) -> Features:
        """Return the vector of `choices`, [len(names)]; a value that a narrowed space left out is none of its."""
        settled = self.space.canonical(choices)
        numbers: list[float] = []
        for name, values in self.space.options.items():
            if isinstance(values, range):
                numbers.append((int(settled[name]) - values[0]) / max(1, values[-1] - values[0]))
            else:
                numbers += [float(settled[name] == value) for value in values]
        return np.array(numbers)

    def sums(self, choices: Choices) -> Features:
        """Return the numbers of equal choices of all cells added up, [len(totals)]: what counts wherever it stands."""
        numbers = self(choices)
        return self._summed @ numbers if self.totals else np.zeros(0)

    def blocks(self, networks: Sequence[tuple[Choices, Mapping[str, float]]]) -> list[Features]:
        """Return what is learned from, of networks with their `macs` and `params`, as three blocks of columns.

        Their choices, the sums over cells, and the binary logarithm of the two costs.
        """
        numbers = np.array([self(choices) for choices, _ in networks])
        sums = np.array([self.sums(choices) for choices, _ in networks])
        return [numbers, sums, np.log2([[costs["macs"], costs["params"]] for _, costs in networks])]


def _kind(name: str) -> str:
    """Return what a number stands for, wherever: `cell.block=conv` of `cell3.block=conv`, `edge` of `edge.0-4`."""
    choice, equals, value = name.partition("=")
    before, dot, after = choice.partition(".")
    place = re.sub(r"\d+$", "", before)
    return place + (dot + after if not re.fullmatch(r"\d+-\d+", after) else "") + equals + value if dot else name
