"""What earlier trainings say of networks that a search has not trained: a mean for its surrogate.

The rows come from a table or an earlier run, on whatever images, at whatever length of training. So only the gain over
bicubic interpolation is used, standardised within each source. A search learns from its own networks how far to believe
the prior: its figures are `level + slope · prior`, and the slope of a useless prior becomes 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from nas.search.option import NO_PRIOR, SHIPPED_PRIOR
from nas.search.samplers.encoding import Encoding, Networks
from nas.search.samplers.gaussian_process import Array, GaussianProcess
from nas.table import Table, read_table
from search_spaces import SPACES, Choices, SearchSpace

TABLES = Path(__file__).resolve().parents[2] / "tables"

FEWEST = 20
"""A source with fewer networks says nothing."""
EXPECTED_SPREAD = 0.5
"""Standard deviation of quality in dB among the networks of a search, as long as the search has none to tell it."""
TRUST = 0.5
"""Standard deviation of the slope around 1, before the search has networks of its own."""
NOISE = 0.5
"""Standard deviation of a figure around the line, as a share of the spread."""


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
        if rows:
            networks = [(row.choices, {"macs": row.macs, "params": row.params}) for row in rows]
            self._process = GaussianProcess().fit(self._encoding.blocks(networks), np.concatenate(gains))

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
    negative. Without figures the level is 0, since only differences count then.
    """
    if len(figures) < 2:
        level = float(figures.mean() - EXPECTED_SPREAD * prior.mean()) if len(figures) else 0.0
        return Line(level, EXPECTED_SPREAD)
    spread = max(float(figures.std()), 1e-3)
    centred, aims = prior - prior.mean(), figures - figures.mean()
    weight = (NOISE / TRUST) ** 2
    slope = max(0.0, float((centred @ aims + weight * spread) / (centred @ centred + weight)))
    return Line(float(figures.mean() - slope * prior.mean()), slope)


def rows_of(table: Table, space: str) -> list[PriorRow]:
    """Return the networks of a space that a table holds, with their gains after its longest training."""
    rows = []
    for row in table.trained:
        if row.network.space == space:
            gain = row.trained[-1].curve[-1][1] - table.header.bicubic[0]
            rows.append(PriorRow(row.network.choices, row.macs, row.params, gain))
    return rows


def tables_of(name: str, folder: Path) -> list[Path]:
    """Return the files of the prior that the settings of the run in `folder` name; a file may lie in the folder."""
    if name == NO_PRIOR:
        return []
    return sorted(TABLES.glob("*.json.gz")) if name == SHIPPED_PRIOR else [folder / name]


def load_prior(name: str, space: str, folder: Path = Path()) -> Prior | None:
    """Return the prior that the settings of the run in `folder` name, for a space.

    None if there is none, if its file is not on this machine, or if it knows too few networks of the space. Raises
    InputError for a file that is no table.
    """
    return _read_prior(space, tuple(file for file in tables_of(name, folder) if file.is_file()))


@cache
def _read_prior(space: str, files: tuple[Path, ...]) -> Prior | None:
    prior = Prior(SPACES.get(space), [rows_of(read_table(file), space) for file in files])
    return prior if prior.count else None


def _standardised(gains: Sequence[float]) -> Array:
    """Return gains with mean 0 and deviation 1; failures far below the others are lifted to Tukey's fence."""
    values = np.array(gains, dtype=np.float64)
    low, high = np.percentile(values, [25, 75])
    values = np.maximum(values, low - 1.5 * (high - low))
    return np.asarray((values - values.mean()) / max(float(values.std()), 1e-6))
