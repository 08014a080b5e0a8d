"""A model of one figure of networks, such as their PSNR: what is expected of them at first, and what measurements add.

Figures follow from the cost, and from what a prior says of networks of equal cost: `level + per_octave · octaves +
trust · prior`, where the trust in a useless prior becomes 0. A Gaussian process learns what this line lacks.
"""

import math
from dataclasses import dataclass

import numpy as np

from nas.search.samplers.encoding import Encoding, Networks
from nas.search.samplers.gaussian_process import Array, GaussianProcess

FEWEST = 8
"""With fewer networks, nothing is learnt beyond the line."""
EXPECTED_SPREAD = 0.5
"""Standard deviation of quality in dB among the networks of a search, as long as the search has none to tell it."""
EXPECTED_PER_OCTAVE = 0.4
"""What a figure gains when the multiply-adds double, as a share of its spread, before anything is measured.

0.42 among the 182 networks of `hybrid` in nas/tables/infrared-x2.json.gz.
"""
DOUBT_PER_OCTAVE = 0.2
"""Standard deviation of this gain, before anything is measured."""
TRUST = 0.5
"""How much of what a prior says is expected of other images, before a search has networks of its own."""
DOUBT = 0.5
"""Standard deviation of this trust."""
NOISE = 0.5
"""Standard deviation of a figure around the line, as a share of the spread."""
ODDS = 1.0
"""Before a search has networks, its prior is as likely to help as to say nothing of its images."""


@dataclass(frozen=True)
class Line:
    """How figures follow from the cost and from a prior."""

    level: float
    per_octave: float
    trust: float

    def at(self, octaves: Array, prior: Array) -> Array:
        """Return the expected figures of networks, [N], from binary logarithms of their cost and from their prior."""
        return self.level + self.per_octave * octaves + self.trust * prior


def fitted_line(octaves: Array, prior: Array, figures: Array, per_octave: float = EXPECTED_PER_OCTAVE) -> Line:
    """Return the line through the [N] figures of a search.

    Bayesian regression: both slopes are expected to be `per_octave` and `TRUST` times the spread of the figures, and
    the trust is never negative. It is multiplied by the probability that the figures follow the prior at all: a
    regression alone lets the few figures of a young search agree with any prior by chance. Without figures the level is
    0, since only differences count then.
    """
    spread = max(float(figures.std()), 1e-3) if len(figures) > 1 else EXPECTED_SPREAD
    slopes = np.array([per_octave, TRUST]) * spread
    if not len(figures):
        return Line(0.0, *slopes.tolist())
    says = np.column_stack([octaves, prior])
    centred, aims = says - says.mean(axis=0), figures - figures.mean()
    weights = np.diag([(NOISE / DOUBT_PER_OCTAVE) ** 2, (NOISE / DOUBT) ** 2])
    slopes = np.linalg.solve(centred.T @ centred + weights, centred.T @ aims + weights @ slopes)
    slope, trust = float(slopes[0]), max(0.0, float(slopes[1]))
    trust *= _probability(centred[:, 1], aims - slope * centred[:, 0])
    return Line(float(np.mean(figures - slope * octaves - trust * prior)), slope, trust)


def _probability(prior: Array, aims: Array) -> float:
    """Return the probability that [N] figures follow their prior, both with mean 0, by the Bayesian criterion.

    A line with the correlation r explains the figures (1 - r²)^(-N/2) times as well as their mean alone, and costs √N
    (Schwarz 1978, doi 10.1214/aos/1176344136). Two figures agree with any line, so they do not count.
    """
    count, product = len(aims), max(0.0, float(prior @ aims))
    squared = min(0.999, product**2 / max(1e-12, float(prior @ prior) * float(aims @ aims)))
    log_odds = math.log(ODDS) - max(0, count - 2) / 2 * math.log(1 - squared) - math.log(count) / 2
    return 1 / (1 + math.exp(-log_odds))


class FigureModel:
    """Predicts one figure of networks from those that were measured, and from a model of earlier ones if it has one."""

    def __init__(self, prior: "FigureModel | None", encoding: Encoding, networks: Networks, figures: Array) -> None:
        """Learn from N networks and their [N] figures; with a prior, which has standardised figures, N may be 0."""
        self._prior, self._encoding = prior, encoding
        octaves, says = octaves_of(networks), self._prior_says(networks)
        per_octave = EXPECTED_PER_OCTAVE if prior is None else prior.per_octave
        self._line = fitted_line(octaves, says, figures, per_octave)
        self._process: GaussianProcess | None = None
        if len(networks) >= FEWEST:
            lacking = figures - self._line.at(octaves, says)
            self._process = GaussianProcess().fit(encoding.blocks(networks), lacking)

    @property
    def per_octave(self) -> float:
        """What the figure gains when the multiply-adds double."""
        return self._line.per_octave

    def predict(self, networks: Networks) -> tuple[Array, Array]:
        """Return the expected figures of M networks and their standard deviations, both [M]."""
        lacking, deviation = self._lacking(networks)
        return self._line.at(octaves_of(networks), self._prior_says(networks)) + lacking, deviation

    def beside_cost(self, networks: Networks) -> Array:
        """Return how much better M networks are expected to be than others of their cost, [M]."""
        return self._lacking(networks)[0] + self._line.trust * self._prior_says(networks)

    def _lacking(self, networks: Networks) -> tuple[Array, Array]:
        if self._process is not None:
            return self._process.predict(self._encoding.blocks(networks))
        doubt = np.zeros(len(networks)) if self._prior is None else self._line.trust * self._prior.predict(networks)[1]
        return np.zeros(len(networks)), doubt

    def _prior_says(self, networks: Networks) -> Array:
        if self._prior is None or not networks:
            return np.zeros(len(networks))
        return self._prior.beside_cost(networks)


def octaves_of(networks: Networks) -> Array:
    """Return the binary logarithms of the multiply-adds of N networks, [N]."""
    return np.array([math.log2(costs["macs"]) for _, costs in networks])
