"""The settings of a run from its folder. If the file is damaged or of another run, the study restores it."""

import warnings
from pathlib import Path

import optuna

from nas.errors import InputError, PluginError, RunError
from nas.files import set_aside
from nas.search.settings import SETTINGS, Settings, read_settings
from nas.search.storage.opening import open_storage
from nas.search.storage.urls import embedded_url, study_file_in
from nas.search.study import load_study, settings_of


def run_settings(folder: Path, storage: str | None = None) -> Settings:
    """Return the settings of an existing run; `storage` is the URL that the user gave.

    If `search.yaml` can't be read, or names a study that `study.db` of the run does not hold, the file is set aside and
    written again from the settings in the study, with a warning. Raises InputError if no study holds the settings.
    """
    try:
        settings = read_settings(folder)
    except InputError as error:
        if isinstance(error, PluginError) or not (folder / SETTINGS).is_file():
            raise
        return _mended(folder, storage, str(error).removesuffix("."))
    if storage or settings.storage or not study_file_in(folder).is_file():
        return settings
    if settings.study in optuna.get_all_study_names(open_storage(embedded_url(folder))):
        return settings
    return _mended(folder, storage, f"{folder / SETTINGS} is of another run: its study is '{settings.study}'")


def _mended(folder: Path, storage: str | None, why: str) -> Settings:
    settings = _remembered(folder, storage)
    path = folder / SETTINGS
    if settings is None:
        raise InputError(f"{why}; no study holds the settings, so put a copy of {path} back or choose another --run.")
    aside = set_aside(path)
    settings.write(folder)
    warnings.warn(f"{why}; it was written again from the study, and the old file is now {aside}", stacklevel=3)
    return read_settings(folder)


def _remembered(folder: Path, storage: str | None) -> Settings | None:
    """Return the settings in the study of the run; None if there is no such study, or more than one."""
    if storage is None and not study_file_in(folder).is_file():
        return None
    try:
        database = open_storage(storage or embedded_url(folder))
        names = optuna.get_all_study_names(database)
        if storage is not None:  # a shared database may hold studies of other runs
            names = [name for name in names if name == folder.resolve().name]
        return settings_of(load_study(database, names[0])) if len(names) == 1 else None
    except PluginError:
        raise
    except (InputError, RunError):
        return None
