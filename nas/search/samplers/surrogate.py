"""The screen by a surrogate: which candidates are expected to widen the front most."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.random import Generator

from nas.objectives import SCREENED, Objective
from nas.pareto import Points, hypervolume, losses, ranks
from nas.search.samplers.encoding import Encoding
from nas.search.samplers.gaussian_process import GaussianProcess
from nas.search.samplers.observations import Seen
from nas.search.samplers.problem import Draw, Problem

FEWEST = 8
"""With fewer known networks than this there is nothing to learn from, and candidates are kept at random."""
FUTURES = 32
"""How many values of a figure stand for its predicted distribution: as many quantiles of equal probability."""
MARGIN = 0.1
"""How far behind the front's worst the reference point lies, in parts of the front's extent (as in BoTorch)."""


@dataclass(frozen=True)
class SurrogateScreen:
    """Keeps the candidates whose expected hypervolume improvement is largest (Emmerich et al. 2006).

    Multiply-adds and parameters are known exactly; quality, latency and memory are predicted, each by a model of its
    own that learns from all measured networks of the run, those that were stopped early among them.
    """

    def __call__(self, pool: Sequence[Draw], keep: int, seen: Seen, rng: Generator) -> list[Draw]:
        """Return `keep` of the candidates, the most promising first."""
        if not self.can_tell(seen):
            return [pool[i] for i in rng.permutation(len(pool))[:keep]]
        gains = self.improvements(pool, seen, rng)
        # Of equals, as where nothing promises anything, any.
        shuffled = rng.permutation(len(pool))
        return [pool[i] for i in shuffled[np.argsort(-gains[shuffled], kind="stable")][:keep]]

    def can_tell(self, seen: Seen) -> bool:
        """Say whether there is something to learn from."""
        return len(seen.known) >= FEWEST

    def improvements(self, pool: Sequence[Draw], seen: Seen, rng: Generator) -> Points:
        """Return by how much each candidate is expected to widen the front, [len(pool)]."""
        forecast = _Forecast(seen)
        running = [seen.problem.draw(choices) for choices in seen.running]
        # What others train at the moment counts as it is predicted, so that not all train the same.
        expected = forecast.points(running).mean(axis=1) if running else np.zeros((0, seen.points.shape[1]))
        front = _front(np.vstack([seen.points, expected]))
        reference = reference_point(front, seen.problem)
        points = forecast.points(pool, rng)
        return np.array([np.mean([gain(point, front, reference) for point in futures]) for futures in points])


def gain(point: Points, front: Points, reference: Points) -> float:
    """Return the hypervolume that `point` adds to that of `front`: what it dominates and no member does."""
    if (front <= point).all(axis=1).any() or (point >= reference).any():
        return 0.0
    box = float(np.prod(reference - point))
    return box - hypervolume(np.maximum(front, point), list(reference))


def reference_point(front: Points, problem: Problem) -> Points:
    """Return a little more than the worst of the front in each objective; of a cost with a budget, the budget."""
    worst, best = front.max(axis=0), front.min(axis=0)
    reference: Points = worst + MARGIN * np.maximum(worst - best, 0.01)
    limits = {budget.cost: budget.limit for budget in problem.budgets}
    for column, objective in enumerate(problem.objectives):
        if objective.name in limits:
            reference[column] = max(reference[column], np.log2(limits[objective.name]))
    return reference


class _Forecast:
    """What the objectives of candidates may turn out to be, learnt from the known networks."""

    def __init__(self, seen: Seen) -> None:
        self.problem, self.encoding = seen.problem, Encoding(seen.problem.space)
        features = self.encoding.blocks([(known.choices, known.costs) for known in seen.known])
        self.models = {
            column: GaussianProcess().fit(features, -seen.measured[:, column])
            for column, objective in enumerate(seen.problem.objectives)
            if not _is_counted(objective)
        }

    def points(self, draws: Sequence[Draw], rng: Generator | None = None) -> Points:
        """Return [len(draws), FUTURES, K] points to minimise: as the objectives may turn out to be, and count."""
        levels = np.array([NormalDist().inv_cdf((i + 0.5) / FUTURES) for i in range(FUTURES)])
        features = self.encoding.blocks([(draw.choices, vars(draw.cost)) for draw in draws])
        futures = np.empty((len(draws), FUTURES, len(self.problem.objectives)))
        for column, objective in enumerate(self.problem.objectives):
            if _is_counted(objective):
                figures = [self.problem.known_costs(draw.cost) for draw in draws]
                futures[:, :, column] = losses(figures, [objective])
            else:
                mean, deviation = self.models[column].predict(features)
                # Figures that are predicted apart are taken as independent, so their quantiles meet in random order.
                order = levels if rng is None else rng.permutation(levels)
                futures[:, :, column] = -(mean[:, None] + deviation[:, None] * order)
        return self.problem.worth(futures)


def _is_counted(objective: Objective) -> bool:
    return objective.name in SCREENED


def _front(points: Points) -> Points:
    front: Points = points[ranks(points) == 0]
    return front
