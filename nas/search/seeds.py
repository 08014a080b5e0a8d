"""The seeds of a search: designs of the space scaled to the budget, a half, a quarter and an eighth of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import optuna

from nas.budget import known_budgets
from nas.search.samplers.prior import Prior, load_prior
from nas.search.samplers.problem import Draw, Problem
from nas.search.settings import Settings

SHARES = (1.0, 0.5, 0.25, 0.125)
"""The shares of the budget that designs are scaled to."""
SHARE_OF_TRIALS = 5
SEED = "seed"
"""User attribute of a trial: the name of the seed that it trains."""
NEAR = 0.7
"""A scaled design costs at least this share of its target."""


@dataclass(frozen=True)
class Seed:
    """A design in the size that a search starts with."""

    name: str
    """The family and the size, e.g. `EDSR x4, 16 ch`."""
    draw: Draw


def scaled_seeds(problem: Problem, prior: Prior | None, count: int) -> list[Seed]:
    """Return up to `count` seeds near the budget, a half, a quarter and an eighth of it, equally many of each.

    Of each family the size that the prior expects most of is taken, and of the families the best. Without a prior it is
    the size of medium width, of the families in their order. Fixed choices hold for seeds, too.
    """
    chosen: list[Seed] = []
    for place, share in enumerate(SHARES):
        left = (count - len(chosen)) // (len(SHARES) - place)
        near = {name: _near(problem, name, share) for name in problem.space.seed_families}
        best = [_best(seeds, prior) for seeds in near.values() if seeds]
        ordered = sorted(best, key=lambda seed: -_expected([seed], prior)[0])
        taken = {seed.draw.architecture.fingerprint for seed in chosen}
        chosen += [seed for seed in ordered if seed.draw.architecture.fingerprint not in taken][:left]
    return chosen


def _near(problem: Problem, family: str, share: float) -> list[Seed]:
    """Return the deepest network of each width near a share of the budgets, by increasing width."""
    deepest: dict[object, Seed] = {}
    for size, choices in problem.space.seed_families[family].sizes():
        draw = problem.draw(problem.completed(choices))
        used = [budget.of(draw.cost) / budget.limit for budget in known_budgets(problem.budgets, draw.cost)]
        if problem.fits(draw.cost) and used and NEAR * share <= max(used) <= share:
            deepest[choices.get("width")] = Seed(f"{family} {size}", draw)
    return list(deepest.values())


def _best(seeds: Sequence[Seed], prior: Prior | None) -> Seed:
    if prior is None:
        return seeds[len(seeds) // 2]
    return seeds[int(np.argmax(_expected(seeds, prior)))]


def _expected(seeds: Sequence[Seed], prior: Prior | None) -> Sequence[float]:
    """Return what the prior expects of seeds; 0 of all without a prior."""
    if prior is None:
        return [0.0] * len(seeds)
    mean, _ = prior.predict([(seed.draw.choices, seed.draw.cost.figures) for seed in seeds])
    return list(map(float, mean))


def enqueue_seeds(study: optuna.Study, settings: Settings) -> None:
    """Queue scaled seeds behind the published points: a fifth of the candidates of the search."""
    problem = Problem.of(settings)
    for seed in scaled_seeds(problem, load_prior(settings.prior, settings.space), settings.trials // SHARE_OF_TRIALS):
        study.enqueue_trial(dict(seed.draw.choices), user_attrs={SEED: seed.name}, skip_if_exists=True)
