"""How a worker on any machine finds its search."""

from nas.errors import InputError
from nas.search.quiet import quiet_optuna
from nas.search.run import RESULTS, Run, make_run, open_run
from nas.search.run_id import check_is_no_copy, check_is_of, identified
from nas.search.storage.opening import open_storage
from nas.search.storage.urls import without_secrets
from nas.search.study import load_study, settings_of


@quiet_optuna()
def join(name: str | None, storage: str | None, study: str | None) -> Run:
    """Open a run of this machine by its name, or a study of a database that machines share.

    In the second case the run directory is made here: it takes this machine's checkpoints, candidates and artifacts.
    Raises InputError.
    """
    if name:
        run = open_run(name, storage)
        if storage or run.settings.storage:
            check_is_no_copy(run.folder, run.settings)
        return run
    if not storage or not study:
        raise InputError("Name a run, or give both --storage and --study.")
    database = open_storage(storage)
    opened = load_study(database, study)
    settings = identified(settings_of(opened), opened)
    folder = RESULTS / settings.study
    check_is_of(folder, settings)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "search.yaml").exists():
        settings.model_copy(update={"storage": without_secrets(storage)}).write(folder)
    return make_run(folder, settings, opened, database)
