"""Which run a folder and a study belong to: both hold an id that was drawn when the study was made.

The folder's name is only a label. A run that is renamed, moved or copied keeps its id and the name of its study.
"""

import secrets
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import optuna
from optuna.exceptions import DuplicatedStudyError
from optuna.storages import BaseStorage
from optuna.study import StudyDirection

from nas.errors import InputError
from nas.search.settings import SETTINGS, Settings, read_settings

RUN_ID = "run_id"
_PATIENCE_SECONDS = 1.0
"""How long another process may take from making a study to giving it its id."""


def open_or_create(storage: BaseStorage, settings: Settings, directions: Sequence[StudyDirection]) -> optuna.Study:
    """Return the study of a run; the process that makes it, of several at one moment, gives it its id."""
    try:
        study = optuna.create_study(study_name=settings.study, storage=storage, directions=directions)
    except DuplicatedStudyError:
        study = optuna.load_study(study_name=settings.study, storage=storage)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while RUN_ID not in study.user_attrs and time.monotonic() < deadline:
            time.sleep(0.05)
    if RUN_ID not in study.user_attrs:
        study.set_user_attr(RUN_ID, settings.run_id or secrets.token_hex(8))
    return study


def identified(settings: Settings, study: optuna.Study) -> Settings:
    """Return a run's settings with the id of its study. Raises InputError where they are those of another run."""
    run_id = study.user_attrs.get(RUN_ID, "")
    if settings.run_id not in ("", run_id):
        raise InputError(
            f"The study '{study.study_name}' in that storage is not the one of the run '{settings.run}', though it has "
            "the same name; choose another --run name or another --storage."
        )
    return settings.model_copy(update={RUN_ID: run_id})


def check_is_of(folder: Path, settings: Settings) -> None:
    """Raise InputError if `folder` is a run of another study than the one with these settings."""
    if not (folder / SETTINGS).is_file():
        return
    local = read_settings(folder)
    if not settings.run_id or local.run_id != settings.run_id:
        raise InputError(
            f"{folder} is a run of another study than '{settings.study}' of that storage; start the worker in another "
            "folder, or rename that one."
        )


def check_is_no_copy(folder: Path, settings: Settings) -> None:
    """Raise InputError for a copy of a run whose study lies in a storage that both have: it would be one search.

    `settings` are those that `folder` remembers. Where the folder that they were written for is no longer here, the
    run was renamed or moved, or copied to another machine: a warning names the study that all its folders share.
    """
    place = Path(settings.place)
    if not settings.place or (place.exists() and place.samefile(folder)):
        return
    if (place / SETTINGS).is_file() and read_settings(place).run_id == settings.run_id:
        raise InputError(
            f"{folder} is a copy of {place}, and both have their study in one storage: what either tries counts in "
            "both. Go on with that one, or begin another --run."
        )
    warnings.warn(
        f"{folder} was {place} before; a copy of it elsewhere continues the same study, '{settings.study}'",
        stacklevel=2,
    )
