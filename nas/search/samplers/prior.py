"""What earlier trainings say of networks that a search has not trained: a mean for its surrogate.

The rows come from a table or an earlier run, on whatever images, at whatever length of training. So only the gain over
bicubic interpolation is used, standardised within each source. A table of another scale or image size has other costs:
a network costs less than half as much at x3 as at x2. So costs are counted again as the search counts them. A search
learns from its own networks how far to believe the prior: its figures are `level + slope · prior`, and the slope of a
useless prior becomes 0.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from nas.cost import ScreeningCost
from nas.image_size import Size
from nas.search.option import NO_PRIOR, SHIPPED_PRIOR
from nas.search.samplers.encoding import Encoding, Networks
from nas.search.samplers.gaussian_process import Array, GaussianProcess
from nas.search.samplers.problem import Problem
from nas.table import SHIPPED, Table, read_table
from search_spaces import SPACES, Choices, SearchSpace

FEWEST = 20
"""A source with fewer networks says nothing."""
LEAST_SPREAD = 0.1
"""A prior whose predictions of its own networks spread less, in standard deviations of their gains, says nothing.

Figures at random follow from no choice, so a Gaussian process expects nearly the same of every network.
"""
EXPECTED_SPREAD = 0.5
"""Standard deviation of quality in dB among the networks of a search, as long as the search has none to tell it."""
TRUST = 0.5
"""Standard deviation of the slope around 1, before the search has networks of its own."""
NOISE = 0.5
"""Standard deviation of a figure around the line, as a share of the spread."""
ODDS = 1.0
"""Before a search has networks, its prior is as likely to help as to say nothing of its images."""


@dataclass(frozen=True)
class PriorRow:
    """A network that was trained elsewhere."""

    choices: Choices
    macs: float
    params: float
    gain: float
    """Over bicubic interpolation, in dB."""


class Prior:
    """Predicts standardised gains of the networks of a space."""

    def __init__(self, space: SearchSpace, sources: Sequence[Sequence[PriorRow]]) -> None:
        self._encoding = Encoding(space)
        rows: list[PriorRow] = []
        gains: list[Array] = []
        for source in sources:
            if len(source) >= FEWEST:
                rows += source
                gains.append(_standardised([row.gain for row in source]))
        self.count = len(rows)
        """Number of networks that the prior knows."""
        self.tells = False
        """Whether the gains follow from the networks at all."""
        if rows:
            networks = [(row.choices, {"macs": row.macs, "params": row.params}) for row in rows]
            self._process = GaussianProcess().fit(self._encoding.blocks(networks), np.concatenate(gains))
            self.tells = bool(self.predict(networks)[0].std() >= LEAST_SPREAD)

    def predict(self, networks: Networks) -> tuple[Array, Array]:
        """Return the expected standardised gains of M networks and their standard deviations, both [M]."""
        return self._process.predict(self._encoding.blocks(networks))


@dataclass(frozen=True)
class Line:
    """How the figures of a search follow from its prior: `level + slope · prior`."""

    level: float
    slope: float

    def at(self, prior: Array) -> Array:
        """Return the expected figures."""
        return self.level + self.slope * prior


def believed(prior: Array, figures: Array) -> Line:
    """Return the line through the [N] figures of a search over the prior of its networks.

    Bayesian regression: the slope is expected to be the spread of the figures, by `TRUST` more or less, and is never
    negative. It is multiplied by the probability that the figures follow the prior at all: a regression alone lets the
    few figures of a young search agree with any prior by chance. Without figures the level is 0, since only differences
    count then.
    """
    if len(figures) < 2:
        level = float(figures.mean() - EXPECTED_SPREAD * prior.mean()) if len(figures) else 0.0
        return Line(level, EXPECTED_SPREAD)
    spread = max(float(figures.std()), 1e-3)
    centred, aims = prior - prior.mean(), figures - figures.mean()
    weight = (NOISE / TRUST) ** 2
    slope = max(0.0, float((centred @ aims + weight * spread) / (centred @ centred + weight)))
    slope *= _probability(centred, aims)
    return Line(float(figures.mean() - slope * prior.mean()), slope)


def _probability(centred: Array, aims: Array) -> float:
    """Return the probability that [N] figures follow their prior, by the Bayesian information criterion.

    A line with the correlation r explains the figures (1 - r²)^(-N/2) times as well as their mean alone, and costs √N
    (Schwarz 1978, doi 10.1214/aos/1176344136). Two figures agree with any line, so they do not count.
    """
    count, product = len(aims), max(0.0, float(centred @ aims))
    squared = min(0.999, product**2 / max(1e-12, float(centred @ centred) * float(aims @ aims)))
    log_odds = math.log(ODDS) - (count - 2) / 2 * math.log(1 - squared) - math.log(count) / 2
    return 1 / (1 + math.exp(-log_odds))


def rows_of(table: Table, problem: Problem) -> list[PriorRow]:
    """Return the networks that a table holds of the space of a problem, with their gains after its longest training.

    Their costs are those at the scale, the channels and the image size of the problem.
    """
    header, rows = table.header, []
    counts_alike = (header.scale, header.channels, header.hr_size) == (problem.scale, problem.channels, problem.hr_size)
    for row in table.trained:
        if row.network.space == problem.space.name:
            gain = row.trained[-1].curve[-1][1] - header.bicubic[0]
            choices = row.network.choices
            cost = ScreeningCost(row.params, row.macs) if counts_alike else problem.draw(choices).cost
            rows.append(PriorRow(choices, cost.macs, cost.params, gain))
    return rows


def tables_of(name: str, folder: Path) -> list[Path]:
    """Return the files of the prior that the settings of the run in `folder` name; a file may lie in the folder."""
    if name == NO_PRIOR:
        return []
    return sorted(SHIPPED.glob("*.json.gz")) if name == SHIPPED_PRIOR else [folder / name]


def load_prior(name: str, problem: Problem, folder: Path = Path()) -> Prior | None:
    """Return the prior that the settings of the run in `folder` name, for the space and the scale of a problem.

    None if there is none, if its file is not on this machine, if it knows too few networks of the space, or if their
    figures follow from nothing. Raises InputError for a file that is no table.
    """
    files = tuple(file for file in tables_of(name, folder) if file.is_file())
    return _read_prior(files, problem.space.name, problem.scale, problem.channels, problem.hr_size)


@cache
def _read_prior(files: tuple[Path, ...], space: str, scale: int, channels: int, hr_size: Size) -> Prior | None:
    problem = Problem(SPACES.get(space), scale, channels, hr_size, budgets=(), fixed={})
    prior = Prior(problem.space, [rows_of(read_table(file), problem) for file in files])
    return prior if prior.tells else None


def _standardised(gains: Sequence[float]) -> Array:
    """Return gains with mean 0 and deviation 1; failures far below the others are lifted to Tukey's fence."""
    values = np.array(gains, dtype=np.float64)
    low, high = np.percentile(values, [25, 75])
    values = np.maximum(values, low - 1.5 * (high - low))
    return np.asarray((values - values.mean()) / max(float(values.std()), 1e-6))
