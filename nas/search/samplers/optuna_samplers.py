"""Optuna's samplers: the tree-structured Parzen estimator, NSGA-II, NSGA-III, and a Gaussian process.

Without screens they draw as Optuna has them do it: over the budget, too, which the worker refuses; only what the
Gaussian process draws is made to fit. They see the trained trials of the study and their values, not the rungs of those
that were stopped before.
"""

from collections.abc import Iterator, Sequence

from optuna import Study
from optuna.samplers import BaseSampler, GPSampler, NSGAIIISampler, NSGAIISampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from nas.search.samplers.observations import Seen
from nas.search.samplers.problem import Problem
from nas.search.samplers.sampler import Sampler, Screening, register, startup
from search_spaces import Choices

Screens = Sequence[tuple[int, Screening]]

MOST_BEFORE_GP = 10
"""The most networks that are trained before the Gaussian process draws; it counts those alone, TPE also the refused."""


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

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Tell the sampler that a trial begins."""
        self.base.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Tell the sampler how a trial ended."""
        self.base.after_trial(study, trial, state, values)


class _Fitted(Borrowed):
    """Makes what the sampler draws fit the budget.

    A Gaussian process learns nothing from a refused candidate, and thinks for seconds to draw the like again and again.
    """

    def draws(self, seen: Seen) -> Iterator[Choices]:
        """Yield networks within the budget like the one that the sampler draws."""
        drawn = next(super().draws(seen))
        while True:
            yield self.problem.fitted(drawn, self.rng)


class _Nsga2(NSGAIISampler):
    """NSGA-II that counts the trials of the queue, too.

    Optuna's numbers a trial's generation when it draws for it, so the published networks, for which it needn't, would
    never become parents.
    """

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        super().before_trial(study, trial)
        self.get_trial_generation(study, trial)


class _Nsga3(NSGAIIISampler):
    """NSGA-III that counts the trials of the queue, too."""

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        super().before_trial(study, trial)
        self.get_trial_generation(study, trial)


@register("tpe")
def _tpe(problem: Problem, seed: int, trials: int, screens: Screens = ()) -> BaseSampler:
    base = TPESampler(seed=seed, multivariate=True, n_startup_trials=startup(trials))
    return Borrowed(problem, seed, trials, screens, base) if screens else base


@register("nsga2")
def _nsga2(problem: Problem, seed: int, trials: int, screens: Screens = ()) -> BaseSampler:
    base = _Nsga2(seed=seed, population_size=_population(trials))
    return Borrowed(problem, seed, trials, screens, base) if screens else base


@register("nsga3")
def _nsga3(problem: Problem, seed: int, trials: int, screens: Screens = ()) -> BaseSampler:
    base = _Nsga3(seed=seed, population_size=_population(trials))
    return Borrowed(problem, seed, trials, screens, base) if screens else base


@register("gp")
def _gp(problem: Problem, seed: int, trials: int, screens: Screens = ()) -> BaseSampler:
    base = GPSampler(seed=seed, n_startup_trials=min(MOST_BEFORE_GP, startup(trials)))
    return _Fitted(problem, seed, trials, screens, base)


def _population(trials: int) -> int:
    """Return how many survive a generation of NSGA-II or -III: few in a short search, for ten generations."""
    return max(4, min(20, trials // 10))
