"""What earlier trainings say of the way to the end: how many dB networks gain between two rungs of a search."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from nas.image_size import Size
from nas.search.history import MeasuredNetwork
from nas.search.samplers.encoding import Encoding
from nas.search.samplers.figure_model import FigureModel
from nas.search.samplers.prior import FEWEST, PriorRow, existing_files, rows_of
from nas.search.samplers.problem import Problem
from nas.search.settings import Settings
from nas.table import read_table
from search_spaces import SPACES, SearchSpace

EARLIEST = 1.5
"""Curves must begin no later than at this many times the first rung, both as shares of the training."""


class TableRises:
    """Learns from the curves of a table. Implements `nas.search.extrapolation.KnownRises`.

    Which networks gain most on the way to the end follows from their choices: attention and gates begin late, plain
    convolutions early. Of 69 networks of `hybrid` that were trained for 2,700 steps, the order of 20 at equal cost is
    predicted after 100 steps, when the curves of the others are known, with Kendall's tau 0.55 instead of 0.45 by a
    line over the cost alone (results/reference/extrapolation_compared.md).
    """

    def __init__(self, space: SearchSpace, rows: Sequence[PriorRow], last: int) -> None:
        """Learn from rows with curves; `last` is the number of steps of the trainings of the search."""
        self._encoding, self._rows, self._last = Encoding(space), rows, last
        self._models: dict[tuple[int, int], FigureModel] = {}
        self._said: dict[tuple[int, int], dict[str, float]] = {}

    def between(self, networks: Sequence[MeasuredNetwork], low: int, high: int) -> Mapping[str, float]:
        """Return by how many dB networks gain more than others of their cost: fingerprint → dB."""
        said = self._said.setdefault((low, high), {})
        new = [network for network in networks if network.fingerprint not in said]
        if new:
            asked = [(network.choices, network.costs) for network in new]
            rises = self._model(low, high).beside_cost(asked)
            said |= {network.fingerprint: float(rise) for network, rise in zip(new, rises, strict=True)}
        return said

    def _model(self, low: int, high: int) -> FigureModel:
        if (low, high) not in self._models:
            gains = np.array([row.at(high / self._last) - row.at(low / self._last) for row in self._rows])
            networks = [(row.choices, {"macs": row.macs, "params": row.params}) for row in self._rows]
            self._models[low, high] = FigureModel(None, self._encoding, networks, gains)
        return self._models[low, high]


def load_known_rises(settings: Settings, folder: Path = Path()) -> TableRises | None:
    """Return what the prior of the run in `folder` says of gains between rungs.

    None if no table of it has curves of enough networks of the space from the first rung on. Raises InputError for a
    file that is no table.
    """
    files = existing_files(settings.prior, folder)
    if len(settings.rungs) < 2:
        return None
    return _read(files, settings.space, settings.scale, settings.channels, settings.hr_size, settings.rungs)


@cache
def _read(
    files: tuple[Path, ...], space: str, scale: int, channels: int, hr_size: Size, rungs: tuple[int, ...]
) -> TableRises | None:
    problem = Problem(SPACES.get(space), scale, channels, hr_size, budgets=(), fixed={})
    first = rungs[0] / rungs[-1]
    for table in sorted(map(read_table, files), key=lambda table: -table.header.recipe.steps):
        rows = [row for row in rows_of(table, problem) if row.curve[0][0] <= EARLIEST * first]
        if len(rows) >= FEWEST:
            return TableRises(problem.space, rows, rungs[-1])
    return None
