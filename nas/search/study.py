"""The Optuna study of a run, and its trials as candidates."""

from collections.abc import Iterable, Mapping

import optuna
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from nas.budget import refusal
from nas.cost import screening_cost
from nas.errors import InputError
from nas.objectives import OBJECTIVES
from nas.search.front import Candidate
from nas.search.history import SEED
from nas.search.run_id import open_or_create
from nas.search.settings import Settings, parse_settings
from nas.search.trial_names import first_trials, label_of, published_name
from search_spaces import Architecture


def create_study(storage: BaseStorage, settings: Settings, with_published: bool = True) -> optuna.Study:
    """Create the study of a run with the published points in its queue, or return the existing study.

    Workers can join after `publish`. Raises InputError if the existing study has other settings.
    """
    directions = [
        StudyDirection.MINIMIZE if objective.is_cost else StudyDirection.MAXIMIZE for objective in settings.objectives
    ]
    study = open_or_create(storage, settings, directions)
    if "settings" in study.user_attrs:
        settings.check_continues(settings_of(study))
    else:
        study.set_metric_names([objective.title for objective in settings.objectives])
    if with_published:
        _enqueue_published(study, settings)
    return study


def _enqueue_published(study: optuna.Study, settings: Settings) -> None:
    """Queue the published points; of the points within the budget at most as many as the run has trials.

    A point that takes too long to train here (`Settings.range_to`) is left out.
    """
    space, left = settings.searched, settings.trials
    for name, point in space.published.items():
        choices = dict(point.choices) | settings.fixed
        architecture = settings.architecture(choices)
        cost = screening_cost(architecture, settings.hr_size)
        if refusal(settings.budgets, cost) is None:
            left -= 1
            if left < 0 or refusal(settings.limits, cost) is not None:
                continue
        # A choice that the user fixes may change a published network, which then loses its name.
        itself = choices == dict(point.choices) | dict(space.pinned)
        attributes = {"name": f"{settings.space}/{name}"} if itself else None
        study.enqueue_trial(choices, user_attrs=attributes, skip_if_exists=True)


def publish(study: optuna.Study, settings: Settings) -> None:
    """Write the settings into a study that is set up, so that workers can join."""
    study.set_user_attr("settings", settings.model_dump(mode="json"))


def load_study(storage: BaseStorage, name: str, sampler: BaseSampler | None = None) -> optuna.Study:
    """Return the study `name`. Raises InputError if there is no such study."""
    try:
        return optuna.load_study(study_name=name, storage=storage, sampler=sampler)
    except KeyError:
        raise InputError(f"The storage holds no study '{name}'.") from None


def settings_of(study: optuna.Study) -> Settings:
    """Return the settings that a study holds for workers. Raises InputError before `publish`."""
    if "settings" not in study.user_attrs:
        raise InputError(f"The study '{study.study_name}' is still being set up; try again in a moment.")
    return parse_settings(study.user_attrs["settings"])


def candidates(study: optuna.Study, settings: Settings) -> list[Candidate]:
    """Return the trained candidates of a study, in the order of their trials."""
    return candidates_among(study.get_trials(deepcopy=False), settings)


def candidates_among(trials: Iterable[FrozenTrial], settings: Settings) -> list[Candidate]:
    """Return the trained candidates among the trials of a study, in their order."""
    every = list(trials)
    firsts = first_trials(every)
    return [_candidate(trial, settings, firsts) for trial in every if trial.state == TrialState.COMPLETE]


def _candidate(trial: FrozenTrial, settings: Settings, firsts: Mapping[int, int]) -> Candidate:
    attributes = trial.user_attrs
    return Candidate(
        trial=firsts[trial.number],
        architecture=architecture_of(trial, settings),
        label=label_of(trial, settings.run, firsts),
        figures={o.name: attributes[o.name] for o in OBJECTIVES.in_order() if o.name in attributes},
        seconds=attributes["seconds"],
        published=bool(published_name(trial)),
        seed=attributes.get(SEED, ""),
        completed_by=trial.number,
    )


def architecture_of(trial: FrozenTrial, settings: Settings) -> Architecture:
    """Return the architecture of a trial. Raises InputError if the trial has no choices yet."""
    if not trial.params:
        raise InputError(f"Trial {trial.number} of '{settings.run}' has no architecture yet.")
    return settings.architecture(trial.params)
