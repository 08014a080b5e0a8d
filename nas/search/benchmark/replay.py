"""A search on a fitted table: the sampler is real, trainings take no time, a simulated clock tells what they cost."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState

from nas.budget import refusal
from nas.cost import screening_cost
from nas.errors import InputError
from nas.objectives import DEFAULT_OBJECTIVES, resolve
from nas.pareto import hypervolume, losses
from nas.search.benchmark.response import Response
from nas.search.benchmark.table import Header
from nas.search.history import RUNGS
from nas.search.settings import Settings, parse_settings, space_fingerprint
from nas.search.study import create_study, make_sampler
from search_spaces import SPACES, Architecture

SURROGATE = "surrogate"
"""The one screen that learns from the search alone."""

MOST_REFUSED = 500
"""Refused candidates in a row after which a search ends, as in a real one."""


@dataclass(frozen=True)
class Conditions:
    """What is equal for all searches that are compared."""

    header: Header
    """Of the table: the budgets, and what hypervolumes are against."""
    response: Response
    trials: int
    """Trained candidates of a search."""
    seconds: float | None = None
    """Simulated: no candidate is begun after them."""
    screens: tuple[str, ...] = ()
    published: bool = True
    """Whether the published points of the space are tried first, as in a real search."""

    def settings(self, sampler: str, seed: int) -> Settings:
        """Return what a real search of the same would remember."""
        header, space = self.header, self.response.space
        fields: dict[str, Any] = {
            "run": "replay",
            "space": space,
            "scale": header.scale,
            "channels": header.channels,
            "budgets": header.budgets,
            "hr_size": header.hr_size,
            "data": None,
            "data_fingerprint": header.data_fingerprint,
            "proxy": "brief",
            "recipe": header.recipe.model_dump(),
            "sampler": sampler,
            "trials": self.trials,
            "fixed": dict(SPACES.get(space).pinned),
            "seed": seed,
            "threads": 1,
            "space_fingerprint": space_fingerprint(space),
        }
        return parse_settings(fields | ({"screens": self.screens} if self.screens else {}))

    def check(self, samplers: Sequence[str]) -> None:
        """Raise InputError or UnknownNameError unless every sampler can be replayed so."""
        for screen in self.screens:
            if screen.partition(":")[0] != SURROGATE:
                raise InputError(f"The screen '{screen}' needs networks and images, which a table has none of.")
        for sampler in samplers:
            make_sampler(self.settings(sampler, 0), worker=0)

    @property
    def reference(self) -> tuple[float, float]:
        """The worst that counts for a hypervolume: bicubic's PSNR at the price of the budget."""
        macs = min(budget.limit for budget in self.settings("random", 0).limits if budget.unit == "MACs")
        worst = losses([{"psnr": self.header.bicubic[0], "macs": macs}], resolve(DEFAULT_OBJECTIVES))[0]
        return float(worst[0]), float(worst[1])


@dataclass(frozen=True)
class Moment:
    """Where a search stands after a training."""

    trainings: int
    seconds: float
    """Simulated."""
    hypervolume: float
    """Of all that is fully trained, in dB times octaves."""


@dataclass(frozen=True)
class Course:
    """A whole search."""

    sampler: str
    seed: int
    moments: tuple[Moment, ...]
    refused: int
    """Candidates over budget or known."""
    asking_seconds: float
    """Measured, not simulated: what the sampler took to think of all candidates."""


def replay(conditions: Conditions, sampler: str, seed: int) -> Course:
    """Run a search with one worker on the response. Raises UnknownNameError for a sampler, as a real search does."""
    search = _Search(conditions, conditions.settings(sampler, seed))
    search.run()
    return Course(sampler, seed, tuple(search.moments), search.refused, search.asking_seconds)


@dataclass
class _Search:
    """A search in progress; it does what a worker does, in the same order."""

    conditions: Conditions
    settings: Settings
    moments: list[Moment] = field(default_factory=list)
    refused: int = 0
    refused_in_a_row: int = 0
    clock: float = 0.0
    asking_seconds: float = 0.0
    fronts: list[dict[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reference = self.conditions.reference
        self.space = self.settings.searched
        self.tried: set[str] = set()
        storage = InMemoryStorage()
        create_study(storage, self.settings, with_published=self.conditions.published)
        self.study = optuna.load_study(
            study_name=self.settings.run, storage=storage, sampler=make_sampler(self.settings, worker=0)
        )

    def run(self) -> None:
        limit = self.conditions.seconds
        while len(self.moments) < self.settings.trials and self.refused_in_a_row < MOST_REFUSED:
            if limit is not None and self.clock >= limit:
                break
            self._try_one()

    def _try_one(self) -> None:
        began = time.perf_counter()
        trial = self.study.ask()
        architecture = self._drawn(trial)
        self.asking_seconds += time.perf_counter() - began
        price = screening_cost(architecture, self.settings.hr_size)
        for budget in self.settings.limits:
            trial.set_constraint(budget.unit, budget.excess(price))
        if refusal(self.settings.limits, price) or architecture.fingerprint in self.tried:
            self.study.tell(trial, state=TrialState.PRUNED)
            self.refused += 1
            self.refused_in_a_row += 1
            return
        self.refused_in_a_row = 0
        self.tried.add(architecture.fingerprint)
        attributes = {"fingerprint": architecture.fingerprint, "macs": price.macs, "params": price.params}
        for name, value in attributes.items():
            trial.set_user_attr(name, value)
        response, choices = self.conditions.response, architecture.choices
        curve = response.curve(choices, price.macs, price.params)
        psnr = float((curve + response.deviation(architecture.fingerprint, self.settings.seed))[-1])
        per_step, per_validation = response.seconds(choices, price.macs, price.params)
        self.clock += per_step * response.steps[-1] + per_validation
        trial.set_user_attr(RUNGS, {str(response.steps[-1]): {"psnr": psnr}})
        self.study.tell(trial, (psnr, price.macs / 1e9))
        self._note({"psnr": psnr, "macs": price.macs})

    def _drawn(self, trial: optuna.Trial) -> Architecture:
        choices = dict(self.space.suggest(trial))
        return Architecture(self.settings.space, self.settings.scale, self.settings.channels, choices)

    def _note(self, figures: dict[str, float]) -> None:
        self.fronts.append(figures)
        volume = hypervolume(losses(self.fronts, resolve(DEFAULT_OBJECTIVES)), self.reference)
        self.moments.append(Moment(len(self.moments) + 1, self.clock, volume))
