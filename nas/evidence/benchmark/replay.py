"""Replay of a search on a fitted table: sampler, study and rungs are real, trainings and the clock are simulated."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState

from nas.budget import Budget
from nas.cost import ScreeningCost, screening_cost
from nas.errors import InputError
from nas.evidence.benchmark.response import Response
from nas.objectives import DEFAULT_OBJECTIVES, resolve
from nas.pareto import hypervolume, is_on_front, losses
from nas.search.costs import refused
from nas.search.history import RUNGS, MeasuredNetwork, history
from nas.search.interest import lower_ends
from nas.search.option import NO_PRIOR
from nas.search.quiet import quiet_optuna
from nas.search.samplers import make_sampler
from nas.search.samplers.known_rises import load_known_rises
from nas.search.samplers.screen import SURROGATE, parse_screens
from nas.search.schedule.next_action import Action, TimeLeft, goes_on, next_action
from nas.search.schedule.rungs import Rungs, default_rungs
from nas.search.seeds import enqueue_seeds
from nas.search.settings import Settings, parse_settings, space_fingerprint
from nas.search.study import create_study
from nas.search.workers.holding import promote, take
from nas.search.workers.outcome import MOST_REFUSED
from nas.table import Header
from search_spaces import SPACES, Architecture


@dataclass(frozen=True)
class Conditions:
    """The conditions of all searches of a comparison."""

    header: Header
    """The header of the table, with the budgets and the figures of bicubic interpolation."""
    response: Response
    trials: int
    """Number of candidates of a search."""
    seconds: float | None = None
    """No candidate starts after this many simulated seconds; None: no limit."""
    on_rungs: bool = False
    """Whether candidates may be paused at the default rungs; else each is trained to the end."""
    screens: tuple[str, ...] = ()
    planned: int | None = None
    """Number of candidates that samplers plan for, if the time ends the search; None: `trials`."""
    published: bool = True
    """Whether the published points of the space come first, as in a real search."""
    prior: str = NO_PRIOR
    """What the surrogate knows at the start, as in the settings of a search; a file with its whole path."""
    seeded: bool = False
    """Whether designs scaled to the budget follow the published points, as in a real search."""
    range_from: tuple[str, ...] = ()
    """The lower ends of the range of interest; none: three octaves below each budget."""

    def settings(self, sampler: str, seed: int) -> Settings:
        """Return the settings of a real search under these conditions."""
        header, space = self.header, self.response.space
        budgets = [Budget.parse(text) for text in header.budgets]
        fields: dict[str, Any] = {
            "run": "replay",
            "space": space,
            "allow": {},
            "objectives": DEFAULT_OBJECTIVES,
            "scale": header.scale,
            "channels": header.channels,
            "budgets": header.budgets,
            "range_from": [str(end) for end in lower_ends(budgets, map(Budget.parse, self.range_from))],
            "prior": self.prior,
            "hr_size": header.hr_size,
            "data": None,
            "data_fingerprint": header.data_fingerprint,
            "rungs": self._rungs,
            "recipe": header.recipe.model_dump(),
            "sampler": sampler,
            "trials": self.planned or self.trials,
            "fixed": dict(SPACES.get(space).pinned),
            "seed": seed,
            "threads": 1,
            "space_fingerprint": space_fingerprint(space),
        }
        return parse_settings(fields | ({"screens": self.screens} if self.screens else {}))

    @property
    def _rungs(self) -> tuple[int, ...]:
        """The default rungs, from the first figure of the table's curves on: before it nothing is known."""
        steps, first = self.header.recipe.steps, self.response.steps[0]
        rungs = default_rungs(self.header.recipe) if self.on_rungs else ()
        return (*(rung for rung in rungs if first <= rung < steps), steps)

    def check(self, samplers: Sequence[str]) -> None:
        """Raise InputError or UnknownNameError unless every sampler can be replayed under these conditions."""
        for text, (screen, _) in zip(self.screens, parse_screens(self.screens), strict=True):
            if screen != SURROGATE:
                raise InputError(f"The screen '{text}' needs networks and images, which a table does not have.")
        for sampler in samplers:
            make_sampler(self.settings(sampler, 0), worker=0)

    @property
    def reference_point(self) -> tuple[float, float]:
        """The reference point of the hypervolume: bicubic's PSNR at the whole budget, as losses."""
        macs = min(budget.limit for budget in self.settings("random", 0).budgets if budget.unit == "MACs")
        worst = losses([{"psnr": self.header.bicubic[0], "macs": macs}], resolve(DEFAULT_OBJECTIVES))[0]
        return float(worst[0]), float(worst[1])


@dataclass(frozen=True)
class Moment:
    """The state of a search after a training."""

    trainings: float
    """Number of whole trainings: a paused candidate counts as its share of the steps."""
    seconds: float
    """Simulated seconds."""
    hypervolume: float
    """Hypervolume over the range of interest, in dB times octaves, of the front of the fully trained networks.

    The search chooses the front by what it measured; the members count with their expected PSNR, without the luck of
    their trainings.
    """


@dataclass(frozen=True)
class Course:
    """A whole replayed search."""

    sampler: str
    seed: int
    moments: tuple[Moment, ...]
    refused: int
    """Number of refused candidates: over budget or tried before."""
    asking_seconds: float
    """Seconds that the sampler needed for all its draws; measured, not simulated."""


@quiet_optuna()
def replay(conditions: Conditions, sampler: str, seed: int) -> Course:
    """Replay a search with one worker. Raises UnknownNameError for a sampler, as a real search does."""
    search = _Search(conditions, conditions.settings(sampler, seed))
    search.run()
    return Course(sampler, seed, tuple(search.moments), search.refused, search.asking_seconds)


@dataclass
class _Search:
    """A search in progress. It takes the actions of a worker, in the same order."""

    conditions: Conditions
    settings: Settings
    moments: list[Moment] = field(default_factory=list)
    refused: int = 0
    refused_in_a_row: int = 0
    steps: int = 0
    """Steps of all trainings so far."""
    clock: float = 0.0
    asking_seconds: float = 0.0
    trained: list[dict[str, float]] = field(default_factory=list)
    """The figures of networks that were trained to the end."""
    expected: list[dict[str, float]] = field(default_factory=list)
    """The same without the luck of their trainings."""

    def __post_init__(self) -> None:
        self.reference_point = self.conditions.reference_point
        self.space = self.settings.searched
        self.rungs = Rungs.of(self.settings, load_known_rises(self.settings))
        self.tried: set[str] = set()
        storage = InMemoryStorage()
        study = create_study(storage, self.settings, with_published=self.conditions.published)
        if self.conditions.seeded:
            enqueue_seeds(study, self.settings, Path())
        self.study = optuna.load_study(
            study_name=self.settings.run, storage=storage, sampler=make_sampler(self.settings, worker=0)
        )

    def run(self) -> None:
        while self.refused_in_a_row < MOST_REFUSED and (action := self._next_action()).end is None:
            if self._is_over():
                break
            self._try_one(action)

    def _measured(self) -> list[MeasuredNetwork]:
        return history(self.study.get_trials(deepcopy=False))

    def _is_over(self) -> bool:
        return self.conditions.seconds is not None and self.clock >= self.conditions.seconds

    def _next_action(self) -> Action:
        trials = self.study.get_trials(deepcopy=False)
        return next_action(trials, self.rungs, self.conditions.trials, self._time_left())

    def _time_left(self) -> TimeLeft | None:
        limit = self.conditions.seconds
        return None if limit is None else TimeLeft(limit - self.clock, limit)

    def _try_one(self, action: Action) -> None:
        began = time.perf_counter()
        trial = take(self.study) if action.promotes is None else promote(self.study, action.promotes)
        choices = dict(self.space.suggest(trial))
        self.asking_seconds += time.perf_counter() - began
        architecture = self.settings.architecture(choices)
        price = screening_cost(architecture, self.settings.hr_size)
        is_known = architecture.fingerprint in self.tried and RUNGS not in trial.user_attrs
        if refused(trial, self.settings, price.figures) or is_known:
            self.study.tell(trial, state=TrialState.PRUNED)
            self.refused += 1
            self.refused_in_a_row += 1
            return
        self.refused_in_a_row = 0
        self.tried.add(architecture.fingerprint)
        attributes = {"fingerprint": architecture.fingerprint, "macs": price.macs, "params": price.params}
        for name, value in attributes.items():
            trial.set_user_attr(name, value)
        self._train(trial, architecture, price)

    def _train(self, trial: optuna.Trial, architecture: Architecture, price: ScreeningCost) -> None:
        """Advance the clock to the last step, or to the rung where the candidate is paused."""
        response, choices = self.conditions.response, architecture.choices
        usual = response.curve(choices, price.macs, price.params)
        curve = usual + response.deviation(architecture.fingerprint, self.settings.seed)
        per_step, per_validation = response.seconds(choices, price.macs, price.params)
        rungs = dict(trial.user_attrs.get(RUNGS, {}))
        done, last = max(map(int, rungs), default=0), self.rungs.steps[-1]
        for rung in (rung for rung in self.rungs.steps if rung > done):
            self.steps += rung - done
            self.clock += (rung - done) * per_step + per_validation
            done, psnr = rung, float(np.interp(rung, response.steps, curve))
            rungs[str(rung)] = {"psnr": psnr}
            trial.set_user_attr(RUNGS, rungs)
            for name, value in {"steps": rung, "train_seconds": rung * per_step + len(rungs) * per_validation}.items():
                trial.set_user_attr(name, value)
            if rung == last:
                self.study.tell(trial, (psnr, price.macs / 1e9))
                self.trained.append({"psnr": psnr, "macs": price.macs})
                self.expected.append({"psnr": float(np.interp(rung, response.steps, usual)), "macs": price.macs})
            elif not goes_on(self._measured(), self.rungs, architecture.fingerprint, rung, self._time_left()):
                self.study.tell(trial, state=TrialState.PRUNED)
                break
        self.moments.append(Moment(round(self.steps / last, 6), self.clock, self._hypervolume()))

    def _hypervolume(self) -> float:
        objectives = resolve(DEFAULT_OBJECTIVES)
        measured, expected = (
            self.settings.interest.clamped(losses(figures, objectives), objectives)
            for figures in (self.trained, self.expected)
        )
        return hypervolume(expected[is_on_front(measured)], self.reference_point)
