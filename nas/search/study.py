"""The Optuna study of a run: its storage, and its trials as candidates."""

import copy
import os
import platform
import re
import warnings
from pathlib import Path
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from nas.budget import refusal
from nas.cost import screening_cost
from nas.errors import InputError
from nas.search.front import Candidate
from nas.search.history import MAX_RETRIES, Known
from nas.search.run_id import open_or_create
from nas.search.settings import Settings, parse_settings
from nas.search.urls import read_url
from search_spaces import Architecture

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)

HEARTBEAT_SECONDS = 60
GRACE_SECONDS = 300
"""A worker silent for this long is taken for dead; shorter intervals have killed live trials (optuna#5470)."""


def open_storage(url: str) -> RDBStorage:
    """Open the database at a SQLAlchemy URL, with heartbeats. Raises InputError if it can't be reached.

    A SQLite file is put into WAL mode with a long timeout, so that many processes write and the dashboard reads.
    """
    heartbeat, database = heartbeat_seconds(), read_url(url)
    if database.file and not database.file.parent.is_dir():
        raise InputError(f"The storage {database.shown} can't be opened: there is no folder {database.file.parent}.")
    sqlite = database.is_sqlite
    engine = {"connect_args": {"timeout": 60}} if sqlite else {"pool_size": 1, "max_overflow": 2, "pool_pre_ping": True}
    try:
        storage = RDBStorage(
            database.full,
            engine_kwargs=engine,
            heartbeat_interval=heartbeat,
            grace_period=heartbeat * GRACE_SECONDS // HEARTBEAT_SECONDS,
            heartbeat_stale_trial_callback=lambda study, trial: requeue(study, trial, crashed=True),
        )
    except (SQLAlchemyError, ImportError, ValueError, TypeError) as error:
        reason = database.reason(error)
        raise InputError(f"The storage {database.shown} can't be opened: {reason}.") from None
    if sqlite:
        _use_wal(storage.engine)
    return storage


def heartbeat_seconds() -> int:
    """Return how often a worker says that it lives. Raises InputError for a NAS_HEARTBEAT_SECONDS that is no number."""
    given = os.environ.get("NAS_HEARTBEAT_SECONDS", str(HEARTBEAT_SECONDS))
    if not re.fullmatch(r"[1-9]\d{0,3}", given.strip()):
        raise InputError(f"NAS_HEARTBEAT_SECONDS must be whole seconds from 1 to 9999, not '{given}'.")
    return int(given)


def _use_wal(engine: Engine) -> None:
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # sqlite3 would begin only before a write
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    def begin(connection: Connection) -> None:
        # SQLite has no SELECT … FOR UPDATE: two workers would both see a queued trial waiting, and both take it.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "connect", configure)
    event.listen(engine, "begin", begin)
    engine.dispose()  # connections from before the listeners


def create_study(storage: BaseStorage, settings: Settings, with_published: bool = True) -> optuna.Study:
    """Create the study of a run with the published points enqueued, or return it if it is there.

    Raises InputError when it is there with other settings. `publish` then lets workers in.
    """
    directions = [
        StudyDirection.MINIMIZE if objective.is_cost else StudyDirection.MAXIMIZE for objective in settings.aims
    ]
    study = open_or_create(storage, settings, directions)
    if "settings" in study.user_attrs:
        settings.check_continues(settings_of(study))
    else:
        study.set_metric_names([objective.title for objective in settings.aims])
    if with_published:
        _enqueue_published(study, settings)
    return study


def _enqueue_published(study: optuna.Study, settings: Settings) -> None:
    """Queue the published points, of those within the budget no more than the run may try."""
    space, left = settings.searched, settings.trials
    for name, point in space.published.items():
        choices = dict(point.choices) | settings.fixed
        architecture = Architecture(settings.space, settings.scale, settings.channels, choices)
        if refusal(settings.limits, screening_cost(architecture, settings.hr_size)) is None:
            left -= 1
            if left < 0:
                continue
        # What the space pins leaves a published network itself; what the user fixes may not.
        itself = choices == dict(point.choices) | dict(space.pinned)
        attributes = {"name": f"{settings.space}/{name}"} if itself else None
        study.enqueue_trial(choices, user_attrs=attributes, skip_if_exists=True)


def publish(study: optuna.Study, settings: Settings) -> None:
    """Let workers into a study that is set up: they read its settings."""
    study.set_user_attr("settings", settings.model_dump(mode="json"))


def load_study(storage: RDBStorage, name: str, sampler: BaseSampler | None = None) -> optuna.Study:
    """Return the study `name`. Raises InputError if there is none."""
    try:
        return optuna.load_study(study_name=name, storage=storage, sampler=sampler)
    except KeyError:
        raise InputError(f"The storage holds no study '{name}'.") from None


def settings_of(study: optuna.Study) -> Settings:
    """Return the settings that a study carries for workers on other machines. Raises InputError before `publish`."""
    if "settings" not in study.user_attrs:
        raise InputError(f"The study '{study.study_name}' is still being set up; try again in a moment.")
    return parse_settings(study.user_attrs["settings"])


def candidates(study: optuna.Study, settings: Settings) -> list[Candidate]:
    """Return the trained candidates of a study, in the order of their trials."""
    return [_candidate(trial, settings) for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))]


def _candidate(trial: FrozenTrial, settings: Settings) -> Candidate:
    attributes = trial.user_attrs
    return Candidate(
        trial=trial.number,
        architecture=architecture_of(trial, settings),
        label=attributes.get("name") or f"{settings.run}:{trial.number}",
        psnr=attributes["psnr"],
        ssim=attributes.get("ssim"),
        macs=attributes["macs"],
        params=attributes["params"],
        latency=attributes.get("latency"),
        memory=attributes.get("memory"),
        seconds=attributes["seconds"],
        published="name" in attributes,
    )


def architecture_of(trial: FrozenTrial, settings: Settings) -> Architecture:
    """Return the architecture of a trial. Raises InputError for one that has no choices yet."""
    if not trial.params:
        raise InputError(f"Trial {trial.number} of '{settings.run}' has no architecture yet.")
    return Architecture(settings.space, settings.scale, settings.channels, dict(trial.params))


def requeue(study: optuna.Study, trial: FrozenTrial, *, crashed: bool) -> None:
    """Put a trial that was stopped back into the queue with its choices, so that it goes on from its checkpoint.

    A trial that has crashed `MAX_RETRIES` times is left; stops that a user asked for are not counted.
    """
    crashes = trial.user_attrs.get("crashes", 0) + crashed
    if crashes > MAX_RETRIES:
        return
    again = copy.deepcopy(trial)
    # The next worker puts in its own name; till then the dead one's would have the trial taken for dead again.
    again.user_attrs = {k: v for k, v in trial.user_attrs.items() if k not in ("worker", "stopped", "claimed")}
    again.user_attrs["crashes"] = crashes
    RetryHeartbeatStaleTrialCallback()(study, again)


def promote(study: optuna.Study, known: Known) -> None:
    """Queue a network that is on hold, so that it goes on from its checkpoint to the next rung."""
    before = study.get_trials(deepcopy=False)[known.trial]
    attributes = {k: v for k, v in before.user_attrs.items() if k not in ("worker", "stopped", "claimed")}
    study.enqueue_trial(dict(known.choices), user_attrs=attributes | {"promoted_from": known.trial})


def requeue_dead(study: optuna.Study) -> None:
    """Requeue the running trials whose worker is gone: silent for the grace period, or a dead process here."""
    optuna.storages.fail_stale_trials(study)
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if _is_dead(trial.user_attrs.get("worker", "")):
            try:
                study.tell(trial.number, state=TrialState.FAIL)
            except (ValueError, RuntimeError):  # another worker was faster
                continue
            requeue(study, trial, crashed=True)


def worker_name() -> str:
    """Name this process so that others on the machine can see whether it lives: `machine/pid`."""
    return f"{_machine()}/{os.getpid()}"


def _machine() -> str:
    namespace = Path("/proc/self/ns/pid")  # containers may share a host name but not their process numbers
    return f"{platform.node()}:{namespace.readlink() if namespace.exists() else ''}"


def _is_dead(worker: str) -> bool:
    machine, _, pid = worker.rpartition("/")
    if machine != _machine():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
