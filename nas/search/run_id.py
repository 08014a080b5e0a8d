"""The id of a run, which its folder and its study both hold. It is drawn when the study is made.

The name of the folder is only a label: a run that is renamed, moved or copied keeps its id and the name of its study.
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
"""Longest time in which another process gives its new study an id."""


def open_or_create(storage: BaseStorage, settings: Settings, directions: Sequence[StudyDirection]) -> optuna.Study:
    """Return the study of a run. If several processes create it at the same moment, its creator gives it the id."""
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
    """Return the settings of a run with the id of its study. Raises InputError if the study is of another run."""
    run_id = study.user_attrs.get(RUN_ID, "")
    if settings.run_id not in ("", run_id):
        raise InputError(
            f"The study '{study.study_name}' in that storage belongs to another run with the name '{settings.run}'; "
            "choose another --run name or another --storage."
        )
    return settings.model_copy(update={RUN_ID: run_id})


def check_is_of(folder: Path, settings: Settings) -> None:
    """Raise InputError if `folder` is a run of another study than that of these settings."""
    if not (folder / SETTINGS).is_file():
        return
    local = read_settings(folder)
    if not settings.run_id or local.run_id != settings.run_id:
        raise InputError(
            f"{folder} is a run of another study than '{settings.study}' in that storage; start the worker in another "
            "folder, or rename this folder."
        )


def check_is_no_copy(folder: Path, settings: Settings) -> None:
    """Raise InputError if `folder` is a copy of a run: both folders would continue the same study.

    `settings` are those in `folder`. If the folder that they were written for is no longer here, the run was renamed,
    moved or copied to another machine. Then a warning names the study that all its folders share.
    """
    place = Path(settings.place)
    if not settings.place or (place.exists() and place.samefile(folder)):
        return
    if (place / SETTINGS).is_file() and read_settings(place).run_id == settings.run_id:
        raise InputError(
            f"{folder} is a copy of {place}, and both use the same study, so a candidate of one run counts in both; "
            f"continue the run in {place}, or start another --run."
        )
    warnings.warn(
        f"{folder} was {place} before; a copy of the folder elsewhere continues the same study, '{settings.study}'",
        stacklevel=2,
    )
