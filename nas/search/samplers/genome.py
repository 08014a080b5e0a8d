"""The choices of a space in FALSR's groups: cells, rows of connections, and single choices."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from search_spaces import Choice, Choices
from search_spaces.choices import Values

_CONNECTION = re.compile(r"(?P<place>.+\.\d+)-\d+")

Group = tuple[str, ...]
"""Names of choices that crossover and mutation treat as a unit."""


@dataclass(frozen=True)
class Genome:
    """The free choices in groups; a group is exchanged as a whole.

    The text before the dot of a name is the cell: `cell3.width` belongs to `cell3`. A connection `edge.2-5` belongs to
    the row of its source, `edge.2` (c_i in the paper). A name without a dot is a group of its own.
    """

    cells: tuple[Group, ...]
    rows: tuple[Group, ...]
    single: tuple[Group, ...]

    @classmethod
    def of(cls, free: Mapping[str, Values]) -> "Genome":
        """Sort the free choices of a space into groups."""
        groups: dict[str, dict[str, list[str]]] = {kind: defaultdict(list) for kind in ("cells", "rows", "single")}
        for name in free:
            if match := _CONNECTION.fullmatch(name):
                groups["rows"][match["place"]].append(name)
            elif "." in name:
                groups["cells"][name.partition(".")[0]].append(name)
            else:
                groups["single"][name].append(name)
        return cls(**{kind: tuple(map(tuple, found.values())) for kind, found in groups.items()})

    @property
    def chromosomes(self) -> tuple[tuple[Group, ...], ...]:
        """The kinds of groups that the space has; each kind is crossed and mutated on its own."""
        return tuple(kind for kind in (self.cells, self.rows, self.single) if kind)

    @property
    def operators(self) -> tuple[Group, ...]:
        """The groups that mostly decide the cost: the cells, or the single choices in a space without cells."""
        return self.cells or self.single


def content(group: Group, choices: Choices) -> tuple[Choice, ...]:
    """Return the values of a group in `choices`."""
    return tuple(choices[name] for name in group)


def filled(group: Group, values: tuple[Choice, ...]) -> dict[str, Choice]:
    """Return a group's choices with these values."""
    return dict(zip(group, values, strict=True))


def alike(group: Group, other: Group, free: Mapping[str, Values]) -> bool:
    """Return whether two groups have the same choices with the same values, as cells of one kind do."""
    last = [[name.rpartition(".")[2] for name in names] for names in (group, other)]
    return last[0] == last[1] and all(free[a] == free[b] for a, b in zip(group, other, strict=True))
