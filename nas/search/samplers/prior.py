"""What earlier trainings say of networks that a search has not trained: a mean for its surrogate.

The rows come from a table or an earlier run, on whatever images, at whatever length of training. So only the gain over
bicubic interpolation is used, standardised within each source. A table of another scale or image size has other costs:
a network costs less than half as much at x3 as at x2. So costs are counted again as the search counts them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from nas.cost import ScreeningCost
from nas.image_size import Size
from nas.search.option import NO_PRIOR, SHIPPED_PRIOR
from nas.search.samplers.encoding import Encoding, Networks
from nas.search.samplers.figure_model import FigureModel
from nas.search.samplers.gaussian_process import Array
from nas.search.samplers.problem import Problem
from nas.table import SHIPPED, Table, read_table
from search_spaces import SPACES, Choices, SearchSpace

FEWEST = 20
"""A source with fewer networks says nothing."""
LEAST_SPREAD = 0.1
"""A prior says nothing if its predictions of its own networks spread less than this beside their cost.

In standard deviations of their gains. Figures at random follow from no choice, so a Gaussian process expects nearly the
same of every network.
"""


@dataclass(frozen=True)
class PriorRow:
    """A network that was trained elsewhere."""

    choices: Choices
    macs: float
    params: float
    curve: tuple[tuple[float, float], ...]
    """Pairs of a share of the training, and the gain over bicubic interpolation in dB."""

    @property
    def gain(self) -> float:
        """The gain in the end, in dB."""
        return self.curve[-1][1]

    def at(self, share: float) -> float:
        """Return the gain after a share of the training, in dB."""
        shares, gains = zip(*self.curve, strict=True)
        return float(np.interp(share, shares, gains))


class Prior:
    """Predicts standardised gains of the networks of a space.

    Each source learns from the one before as a search learns from its prior. So a table of short trainings of all kinds
    of networks helps one of long trainings of good ones, though the mean of one is not the mean of the other.
    """

    def __init__(self, space: SearchSpace, sources: Sequence[Sequence[PriorRow]]) -> None:
        """Learn from sources, the most telling last."""
        self.count = 0
        """Number of networks that the prior knows."""
        self.model: FigureModel | None = None
        """Predicts the standardised gains; None if no source knows enough networks."""
        for source in sources:
            if len(source) >= FEWEST:
                networks = [(row.choices, {"macs": row.macs, "params": row.params}) for row in source]
                self.model = FigureModel(self.model, Encoding(space), networks, _standardised([r.gain for r in source]))
                self.count += len(source)
        self.tells = self.model is not None and bool(self.model.beside_cost(networks).std() >= LEAST_SPREAD)
        """Whether the gains follow from more than the cost."""

    def predict(self, networks: Networks) -> tuple[Array, Array]:
        """Return the expected standardised gains of M networks and their standard deviations, both [M].

        Raises ValueError if no source knows enough networks.
        """
        if self.model is None:
            raise ValueError(f"a prior needs a source of {FEWEST} networks")
        return self.model.predict(networks)


def rows_of(table: Table, problem: Problem) -> list[PriorRow]:
    """Return the networks that a table holds of the space of a problem, with their gains after its longest training.

    Their costs are those at the scale, the channels and the image size of the problem.
    """
    header, rows = table.header, []
    counts_alike = (header.scale, header.channels, header.hr_size) == (problem.scale, problem.channels, problem.hr_size)
    for row in table.trained:
        if row.network.space == problem.space.name:
            steps = row.trained[-1].curve
            curve = tuple((step / steps[-1][0], psnr - header.bicubic[0]) for step, psnr in steps)
            choices = row.network.choices
            cost = ScreeningCost(row.params, row.macs) if counts_alike else problem.draw(choices).cost
            rows.append(PriorRow(choices, cost.macs, cost.params, curve))
    return rows


def tables_of(name: str, folder: Path) -> list[Path]:
    """Return the files of the prior that the settings of the run in `folder` name; a file may lie in the folder."""
    if name == NO_PRIOR:
        return []
    return sorted(SHIPPED.glob("*.json.gz")) if name == SHIPPED_PRIOR else [folder / name]


def existing_files(name: str, folder: Path) -> tuple[Path, ...]:
    """Return those of `tables_of` that are on this machine."""
    return tuple(file for file in tables_of(name, folder) if file.is_file())


def load_prior(name: str, problem: Problem, folder: Path = Path()) -> Prior | None:
    """Return the prior that the settings of the run in `folder` name, for the space and the scale of a problem.

    None if there is none, if its file is not on this machine, if it knows too few networks of the space, or if their
    figures follow from nothing. Raises InputError for a file that is no table.
    """
    files = existing_files(name, folder)
    return _read_prior(files, problem.space.name, problem.scale, problem.channels, problem.hr_size)


@cache
def _read_prior(files: tuple[Path, ...], space: str, scale: int, channels: int, hr_size: Size) -> Prior | None:
    problem = Problem(SPACES.get(space), scale, channels, hr_size, budgets=(), fixed={})
    tables = sorted(map(read_table, files), key=lambda table: table.header.recipe.steps)
    prior = Prior(problem.space, [rows_of(table, problem) for table in tables])
    return prior if prior.tells else None


def _standardised(gains: Sequence[float]) -> Array:
    """Return gains with mean 0 and deviation 1; failures far below the others are lifted to Tukey's fence."""
    values = np.array(gains, dtype=np.float64)
    low, high = np.percentile(values, [25, 75])
    values = np.maximum(values, low - 1.5 * (high - low))
    return np.asarray((values - values.mean()) / max(float(values.std()), 1e-6))
