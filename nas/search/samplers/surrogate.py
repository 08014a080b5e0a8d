"""The screen by a surrogate: which candidates are expected to widen the front most."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.random import Generator

from nas.objectives import SCREENED, Objective
from nas.pareto import Points, improvement, losses, ranks
from nas.search.samplers.encoding import Encoding
from nas.search.samplers.figure_model import FEWEST, FigureModel
from nas.search.samplers.observations import Observations
from nas.search.samplers.prior import Prior
from nas.search.samplers.problem import Draw, Problem

FUTURES = 32
"""Number of quantiles, of equal probability, that represent the predicted distribution of a figure."""


@dataclass(frozen=True)
class SurrogateScreen:
    """Keeps the candidates whose expected hypervolume improvement is largest (Emmerich et al. 2006).

    With a prior it chooses from the first candidate on. Multiply-adds and parameters are known exactly. Quality,
    latency and memory are predicted, each by a model of its own that learns from all measured networks of the run,
    paused ones included.
    """

    prior: Prior | None = None
    """What earlier trainings say of the first quality."""

    def __call__(self, pool: Sequence[Draw], keep: int, observed: Observations, rng: Generator) -> list[Draw]:
        """Return `keep` of the candidates, the most promising first."""
        if not self.can_tell(observed):
            return [pool[i] for i in rng.permutation(len(pool))[:keep]]
        gains = self.improvements(pool, observed, rng)
        # Break ties at random, for instance when every expected improvement is 0.
        shuffled = rng.permutation(len(pool))
        return [pool[i] for i in shuffled[np.argsort(-gains[shuffled], kind="stable")][:keep]]

    def can_tell(self, observed: Observations) -> bool:
        """Return whether enough networks are known, here or from earlier trainings."""
        return len(observed.networks) >= FEWEST or self._guides(observed.problem)

    def _guides(self, problem: Problem) -> bool:
        """Return whether the prior and counted costs are all that is needed: no other objective must be predicted."""
        predicted = [objective for objective in problem.objectives if not _is_counted(objective)]
        return self.prior is not None and [objective.name for objective in predicted] == ["psnr"]

    def improvements(self, pool: Sequence[Draw], observed: Observations, rng: Generator) -> Points:
        """Return the expected hypervolume improvement of each candidate, [len(pool)]."""
        forecast = _Forecast(observed, self.prior)
        running = [observed.problem.draw(choices) for choices in observed.running]
        # Networks in training elsewhere count as predicted, so that workers do not all train similar networks.
        expected = forecast.points(running).mean(axis=1) if running else np.zeros((0, observed.points.shape[1]))
        points = forecast.points(pool, rng)
        front = _front(np.vstack([observed.points, expected]))
        known = front if len(front) else points.mean(axis=1)
        reference_point = observed.problem.interest.reference_point(known, observed.problem.objectives)
        return np.array(
            [np.mean([improvement(point, front, reference_point) for point in futures]) for futures in points]
        )


class _Forecast:
    """Predicted objectives of candidates, learnt from the known networks."""

    def __init__(self, observed: Observations, prior: Prior | None) -> None:
        self.problem, self.encoding = observed.problem, Encoding(observed.problem.space)
        known = [(network.choices, network.costs) for network in observed.networks]
        self.models: dict[int, FigureModel] = {}
        for column, objective in enumerate(observed.problem.objectives):
            if not _is_counted(objective):
                guide = prior.model if prior and objective.name == "psnr" else None
                self.models[column] = FigureModel(guide, self.encoding, known, -observed.unclamped[:, column])

    def points(self, draws: Sequence[Draw], rng: Generator | None = None) -> Points:
        """Return points to minimise, [len(draws), FUTURES, K]: samples of the predicted objectives, costs clamped."""
        levels = np.array([NormalDist().inv_cdf((i + 0.5) / FUTURES) for i in range(FUTURES)])
        networks = [(draw.choices, vars(draw.cost)) for draw in draws]
        futures = np.empty((len(draws), FUTURES, len(self.problem.objectives)))
        for column, objective in enumerate(self.problem.objectives):
            if _is_counted(objective):
                figures = [self.problem.known_costs(draw.cost) for draw in draws]
                futures[:, :, column] = losses(figures, [objective])
            else:
                mean, deviation = self.models[column].predict(networks)
                # Figures of separate models count as independent, so their quantiles are combined in random order.
                order = levels if rng is None else rng.permutation(levels)
                futures[:, :, column] = -(mean[:, None] + deviation[:, None] * order)
        return self.problem.worth(futures)


def _is_counted(objective: Objective) -> bool:
    return objective.name in SCREENED


def _front(points: Points) -> Points:
    front: Points = points[ranks(points) == 0]
    return front
