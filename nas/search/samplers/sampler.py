"""The base of our own samplers: pools of new candidates within the budget, and screens that pick one."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.random import Generator
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial

from nas.search.samplers.observations import Observations
from nas.search.samplers.problem import Draw, Problem
from search_spaces import Choices
from search_spaces.registry import Registry

TRIES = 200
"""After this many draws in a row over budget or already known, random choices are shrunk until they fit."""


class Screening(Protocol):
    """Chooses among candidates."""

    def __call__(self, pool: Sequence[Draw], keep: int, observed: Observations, rng: Generator) -> list[Draw]:
        """Return the `keep` best of `pool`."""

    def can_tell(self, observed: Observations) -> bool:
        """Return whether enough is known to choose better than at random; until then no pool is drawn."""


class Sampler(BaseSampler):
    """Draws candidates by `draws` until one fits the budget and is new.

    With screens, a pool of such candidates goes through one screen after the other until one candidate is left. A
    sampler draws the same for the same seed and study. When `TRIES` draws in a row bring nothing new, random choices
    are shrunk until they fit; when even these are known, the last one is returned and the worker refuses it.
    """

    def __init__(self, problem: Problem, seed: int, trials: int, screens: Sequence[tuple[int, Screening]] = ()) -> None:
        self.problem = problem
        self.trials = trials
        """Number of candidates of the search, from which lengths of phases and sizes of populations follow."""
        self.screens = tuple(screens)
        """Pairs of the size of the pool and the screen."""
        self.rng = np.random.default_rng(seed)
        self.independent = RandomSampler(seed=seed)

    @abstractmethod
    def draws(self, observed: Observations) -> Iterator[Choices]:
        """Yield candidates without end, of any cost, known or new."""

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the varied choices; none for a queued trial, which has its choices."""
        return {} if "fixed_params" in trial.system_attrs else dict(self.problem.distributions)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the choices of one candidate."""
        if not search_space:
            return {}
        observed = Observations.look(self.problem, study, trial)
        sizes = [*(pool for pool, _ in self.screens), 1]
        pool = self.pool(observed, next((size for size, screen in self.screens if screen.can_tell(observed)), 1))
        for keep, (_, screen) in zip(sizes[1:], self.screens, strict=True):
            if len(pool) > keep:
                pool = screen(pool, keep, observed, self.rng)
        return {name: pool[0].choices[name] for name in search_space}

    def sample_independent(self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Any) -> Any:
        """Return a random value: only a queued trial that lacks some choices asks for it."""
        return self.independent.sample_independent(study, trial, param_name, param_distribution)

    def reseed_rng(self) -> None:
        """Continue with another random sequence."""
        self.rng = np.random.default_rng()
        self.independent.reseed_rng()

    def pool(self, observed: Observations, size: int) -> list[Draw]:
        """Return up to `size` different new candidates of interest; if there are none, one other candidate."""
        found: dict[str, Draw] = {}
        problem = self.problem
        sources = (
            (self.draws(observed), problem.is_of_interest),
            (self._shrunk(), problem.is_of_interest),
            (self._shrunk(), problem.fits),  # a space may have nothing new in the range of interest
        )
        for source, is_wanted in sources:
            misses = 0
            for choices in source:
                architecture = self.problem.architecture(choices)
                fingerprint = architecture.fingerprint
                if fingerprint in observed.tried or fingerprint in found:
                    misses += 1
                elif is_wanted((draw := problem.draw(choices)).cost):
                    found[fingerprint] = draw
                    misses = 0
                else:
                    misses += 1
                if len(found) == size or misses == TRIES:
                    break
            if found:
                return list(found.values())
        return [problem.draw(choices)]

    def _shrunk(self) -> Iterator[Choices]:
        while True:
            yield self.problem.shrunk(self.rng)

    def random(self) -> Iterator[Choices]:
        """Yield random candidates without end."""
        while True:
            yield self.problem.random(self.rng)


def startup(trials: int) -> int:
    """Return the number of random candidates at the start of a search, before its sampler learns."""
    return min(30, max(1, trials // 2))


class Maker(Protocol):
    """Makes a sampler: a class that derives from `Sampler`, or a function that returns one of Optuna's."""

    def __call__(
        self, problem: Problem, seed: int, trials: int, screens: Sequence[tuple[int, Screening]] = ()
    ) -> BaseSampler:
        """Return a sampler of a search for `trials` trained candidates."""


SAMPLERS: Registry[Maker] = Registry("sampler", package="nas.search.samplers", entry_points="nas.samplers")

AnyMaker = TypeVar("AnyMaker", bound=Maker)


def register(name: str) -> Callable[[AnyMaker], AnyMaker]:
    """Decorator: make a sampler known under `name`."""

    def add(maker: AnyMaker) -> AnyMaker:
        SAMPLERS.add(name, maker)
        return maker

    return add
