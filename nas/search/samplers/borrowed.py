"""Optuna's samplers: the tree-structured Parzen estimator, NSGA-II, NSGA-III, and a Gaussian process.

Without screens they are Optuna's own, untouched: they draw over the budget, too, and the worker refuses it. They see
the trained trials of the study and their values, not the rungs of those that were stopped before.
"""

from collections.abc import Iterator, Sequence

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, GPSampler, NSGAIIISampler, NSGAIISampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from nas.search.samplers.problem import Problem
from nas.search.samplers.sampler import Sampler, Screening, register, startup
from nas.search.samplers.seen import Seen
from search_spaces import Choices

Screens = Sequence[tuple[int, Screening]]


class Borrowed(Sampler):
    """Draws a pool from a sampler of Optuna, by asking it again and again for the same trial."""

    def __init__(self, problem: Problem, seed: int, trials: int, screens: Screens, base: BaseSampler) -> None:
        super().__init__(problem, seed, trials, screens)
        self.base = base

    def draws(self, seen: Seen) -> Iterator[Choices]:
        """Yield what the sampler draws; where it leaves a choice open, as at its start, a random value."""
        space = dict(self.problem.distributions)
        while True:
            drawn = self.base.sample_relative(seen.study, seen.trial, space)
            yield self.problem.completed({**self.problem.random(self.rng), **drawn})

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return all that is varied. A genetic sampler counts a trial from the queue, too, so it must be asked."""
        if not (space := super().infer_relative_search_space(study, trial)):
            self.base.sample_relative(study, trial, {})
        return space

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Tell the sampler that a trial begins."""
        self.base.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Tell the sampler how a trial ended."""
        self.base.after_trial(study, trial, state, values)


@register("tpe")
def _tpe(problem: Problem, seed: int, trials: int, screens: Screens = ()) -> BaseSampler:
    base = TPESampler(seed=seed, multivariate=True, n_startup_trials=startup(trials))
    return Borrowed(problem, seed, trials, screens, base) if screens else base


@register("nsga2")
def _nsga2(problem: Problem, seed: int, trials: int, screens: Screens = ()) -> BaseSampler:
    base = NSGAIISampler(seed=seed, population_size=_population(trials))
    return Borrowed(problem, seed, trials, screens, base) if screens else base


@register("nsga3")
def _nsga3(problem: Problem, seed: int, trials: int, screens: Screens = ()) -> BaseSampler:
    base = NSGAIIISampler(seed=seed, population_size=_population(trials))
    return Borrowed(problem, seed, trials, screens, base) if screens else base


@register("gp")
def _gp(problem: Problem, seed: int, trials: int, screens: Screens = ()) -> BaseSampler:
    base = GPSampler(seed=seed, n_startup_trials=startup(trials))
    return Borrowed(problem, seed, trials, screens, base) if screens else base


def _population(trials: int) -> int:
    return max(4, min(20, startup(trials)))
