"""The seeds of a search: designs of the space scaled to the budget, a half, a quarter and an eighth of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import optuna

from nas.budget import known_budgets
from nas.search.history import SEED
from nas.search.samplers.prior import Prior, load_prior
from nas.search.samplers.problem import Draw, Problem
from nas.search.settings import Settings

SHARES = (1.0, 0.5, 0.25, 0.125)
"""The shares of the budget that designs are scaled to."""
SHARE_OF_TRIALS = 5
NEAR = 0.7
"""A scaled design costs at least this share of its target."""


@dataclass(frozen=True)
class Seed:
    """A design in the size that a search starts with."""

    name: str
    """The family and the size, e.g. `EDSR x4, 16 ch`."""
    draw: Draw
    used: float
    """The share of the tightest budget that it uses."""

    @property
    def fingerprint(self) -> str:
        """The fingerprint of its architecture."""
        return self.draw.architecture.fingerprint


def scaled_seeds(problem: Problem, prior: Prior | None, count: int) -> list[Seed]:
    """Return up to `count` seeds near the budget, a half, a quarter and an eighth of it, equally many of each.

    Of each family the size that the prior expects most of is taken, and of the families the best. Without a prior it is
    the size of medium width, of the families in their order. Fixed choices hold for seeds, too.
    """
    families = {name: sizes_of(problem, name) for name in problem.space.seed_families}
    chosen: dict[str, Seed] = {}
    for place, share in enumerate(SHARES):
        left = (count - len(chosen)) // (len(SHARES) - place)
        best = [_best(near, prior) for sizes in families.values() if (near := near_share(sizes, share))]
        new = [seed for seed in _best_first(best, prior) if seed.fingerprint not in chosen]
        chosen |= {seed.fingerprint: seed for seed in new[:left]}
    return list(chosen.values())


def sizes_of(problem: Problem, family: str) -> list[Seed]:
    """Return all sizes of a family that fit, with the share of the budgets that they use."""
    seeds = []
    for size, choices in problem.space.seed_families[family].sizes():
        draw = problem.draw(problem.completed(choices))
        used = [budget.of(draw.cost) / budget.limit for budget in known_budgets(problem.budgets, draw.cost)]
        if used and max(used) <= 1:
            seeds.append(Seed(f"{family} {size}", draw, max(used)))
    return seeds


def near_share(sizes: Sequence[Seed], share: float) -> list[Seed]:
    """Return the deepest network of each width that uses nearly this share of the budgets."""
    deepest: dict[object, Seed] = {}
    for seed in sizes:
        if NEAR * share <= seed.used <= share:
            deepest[seed.draw.choices.get("width")] = seed
    return list(deepest.values())


def _best(seeds: Sequence[Seed], prior: Prior | None) -> Seed:
    return seeds[len(seeds) // 2] if prior is None else _best_first(seeds, prior)[0]


def _best_first(seeds: Sequence[Seed], prior: Prior | None) -> list[Seed]:
    """Return seeds in the order in which the prior prefers them; without a prior as they come."""
    if prior is None or not seeds:
        return list(seeds)
    mean, _ = prior.predict([(seed.draw.choices, seed.draw.cost.figures) for seed in seeds])
    return [seeds[i] for i in np.argsort(-mean, kind="stable")]


def enqueue_seeds(study: optuna.Study, settings: Settings, folder: Path) -> None:
    """Queue scaled seeds behind the published points: a fifth of the candidates of the search."""
    problem = Problem.of(settings)
    prior = load_prior(settings.prior, problem, folder)
    for seed in scaled_seeds(problem, prior, settings.trials // SHARE_OF_TRIALS):
        study.enqueue_trial(dict(seed.draw.choices), user_attrs={SEED: seed.name}, skip_if_exists=True)
