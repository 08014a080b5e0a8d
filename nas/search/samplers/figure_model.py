"""A model of one figure of networks, such as their PSNR: what a prior expects of them, and what measurements add.

The figures of a search follow from its prior as `level + slope · prior`, where the slope of a useless prior becomes 0.
A Gaussian process learns what the line lacks.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from nas.search.samplers.encoding import Encoding, Networks
from nas.search.samplers.gaussian_process import Array, GaussianProcess

FEWEST = 8
"""With fewer networks, nothing is learnt beyond the prior."""
EXPECTED_SPREAD = 0.5
"""Standard deviation of quality in dB among the networks of a search, as long as the search has none to tell it."""
TRUST = 0.5
"""Standard deviation of the slope around 1, before the search has networks of its own."""
NOISE = 0.5
"""Standard deviation of a figure around the line, as a share of the spread."""
ODDS = 1.0
"""Before a search has networks, its prior is as likely to help as to say nothing of its images."""


class Expectation(Protocol):
    """What is expected of networks before their figures are measured."""

    def predict(self, networks: Networks) -> tuple[Array, Array]:
        """Return expected values of M networks, standardised, and their standard deviations, both [M]."""


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


class FigureModel:
    """Predicts one figure of networks from those that a search has measured, and from its prior if it has one."""

    def __init__(self, prior: Expectation | None, encoding: Encoding, networks: Networks, figures: Array) -> None:
        """Learn from N networks and their [N] figures; with a prior, N may be 0."""
        self._prior, self._encoding = prior, encoding
        self._line: Line | None = None
        lacking = figures
        if prior is not None:
            expected = prior.predict(networks)[0] if networks else figures
            self._line = believed(expected, figures)
            lacking = figures - self._line.at(expected)
        self._process: GaussianProcess | None = None
        if len(networks) >= FEWEST:
            self._process = GaussianProcess().fit(encoding.blocks(networks), lacking)

    def predict(self, networks: Networks) -> tuple[Array, Array]:
        """Return the expected figures of M networks and their standard deviations, both [M]."""
        mean, deviation = np.zeros(len(networks)), np.zeros(len(networks))
        if self._process is not None:
            mean, deviation = self._process.predict(self._encoding.blocks(networks))
        if self._prior is None or self._line is None:
            return mean, deviation
        expected, unsure = self._prior.predict(networks)
        if self._process is None:
            deviation = np.asarray(self._line.slope * unsure)
        return mean + self._line.at(expected), deviation
