"""Optuna's samplers: the tree-structured Parzen estimator, NSGA-II, NSGA-III, and a Gaussian process.

Without screens they draw as in Optuna, also over the budget; the worker refuses such draws. Only the draws of the
Gaussian process are changed to fit. The samplers see the values of trials that were trained to the end, not the rungs
of paused trials.
"""

from collections.abc import Iterator, Sequence

from optuna import Study
from optuna.samplers import BaseSampler, GPSampler, NSGAIIISampler, NSGAIISampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from nas.search.samplers.observations import Observations
from nas.search.samplers.problem import Problem
from nas.search.samplers.sampler import Sampler, Screening, register, startup
from search_spaces import Choices

Screens = Sequence[tuple[int, Screening]]

MOST_BEFORE_GP = 10
"""Most networks that are trained before the Gaussian process draws. TPE also counts refused candidates."""


class Borrowed(Sampler):
    """Draws a pool from a sampler of Optuna by asking it repeatedly for the same trial."""

    def __init__(self, problem: Problem, seed: int, trials: int, screens: Screens, base: BaseSampler) -> None:
        super().__init__(problem, seed, trials, screens)
        self.base = base

    def draws(self, observed: Observations) -> Iterator[Choices]:
        """Yield the sampler's draws; a choice that it leaves open, as at its start, gets a random value."""
        space = dict(self.problem.distributions)
        while True:
            drawn = self.base.sample_relative(observed.study, observed.trial, space)
            yield self.problem.completed({**self.problem.random(self.rng), **drawn})

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Tell the sampler that a trial begins."""
        self.base.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Tell the sampler how a trial ended."""
        self.base.after_trial(study, trial, state, values)


class _Fitted(Borrowed):
    """Changes the sampler's draws so that they fit the budget.

    A Gaussian process learns nothing from a refused candidate, and would take seconds to draw a similar one again.
    """

    def draws(self, observed: Observations) -> Iterator[Choices]:
        """Yield networks within the budget that are similar to the sampler's draw."""
        drawn = next(super().draws(observed))
        while True:
            yield self.problem.fitted(drawn, self.rng)


class _Nsga2(NSGAIISampler):
    """NSGA-II that counts queued trials, too.

    Optuna's sampler assigns a generation to a trial only when it draws for the trial. So published networks, which come
    from the queue, would never become parents.
    """

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        super().before_trial(study, trial)
        self.get_trial_generation(study, trial)


class _Nsga3(NSGAIIISampler):
    """NSGA-III that counts queued trials, too."""

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
    """Return the population size of NSGA-II or -III: a tenth of the trials, so that a search has ten generations."""
    return max(4, min(20, trials // 10))
