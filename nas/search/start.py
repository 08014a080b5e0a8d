"""Start or continue a run: from the user's request to a study that workers can join."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from filelock import FileLock

from nas.data.dataset import Dataset
from nas.errors import RunError
from nas.plugins.given import give_command, give_plugins
from nas.search.costs import meter_for
from nas.search.earlier_runs import prior_named
from nas.search.images import images_of, open_for
from nas.search.names import check_run_name
from nas.search.quiet import quiet_optuna
from nas.search.request import Request
from nas.search.run import RESULTS, Run, make_run, record_baseline, url_of
from nas.search.run_id import check_is_no_copy, identified
from nas.search.schedule.deadline import Deadline
from nas.search.schedule.time_plan import Given, is_needed, planned
from nas.search.seeds import enqueue_seeds
from nas.search.settings import SETTINGS, Settings, parse_settings, space_fingerprint
from nas.search.storage.opening import open_storage
from nas.search.storage.urls import embedded_url
from nas.search.study import create_study, publish
from nas.search.wanted import default_name, latency_runtime, wanted_settings


@quiet_optuna()
def start(
    request: Request,
    device: torch.device,
    results: Path = RESULTS,
    deadline: Deadline | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Run, Dataset]:
    """Start a run, or continue an existing run, and return it with its images.

    A new run with a `deadline` is planned for the time that is left. Everything is checked before anything is written
    to the run directory. Raises InputError.
    """
    give_plugins(request.plugins or ())  # budgets may be on an objective of a plugin
    name = request.run or default_name(request)
    if not (results / name / SETTINGS).is_file():
        check_run_name(name)
    if request.latency_command:
        give_command(request.latency_command)
    wanted_settings(request, results / name, device)  # raises errors before anything is written
    with _alone(results / name):
        return _start(request, results / name, device, deadline, progress)


def is_first_look(request: Request, results: Path = RESULTS) -> bool:
    """Return whether a request is for a new run on the embedded scenes, with nothing said about its length."""
    if request.data or request.storage or request.trials is not None:
        return False
    give_plugins(request.plugins or ())  # budgets may be on an objective of a plugin
    return not (results / (request.run or default_name(request)) / SETTINGS).is_file()


def _start(
    request: Request,
    folder: Path,
    device: torch.device,
    deadline: Deadline | None,
    progress: Callable[[int, int], None] | None,
) -> tuple[Run, Dataset]:
    earlier, wanted, space = wanted_settings(request, folder, device)
    if earlier and (request.storage or earlier.storage):
        check_is_no_copy(folder, earlier)
    recipe, results = wanted["recipe"], folder.parent
    if earlier and not request.data:
        wanted["data"] = images_of(earlier, folder)
    data = open_for(
        recipe,
        request.data or wanted["data"],
        scale=wanted["scale"],
        device=device,
        results=results,
        skip_bad=wanted["skip_bad"],
        progress=progress,
    )
    settings = parse_settings(
        wanted
        | {
            "recipe": recipe.seeing(data.normalisation, data.counts).model_dump(),
            "data_fingerprint": data.fingerprint,
            "space_fingerprint": space_fingerprint(space.name, wanted["allow"]),
            "latency_runtime": latency_runtime(wanted),
            "prior": prior_named(request.prior, folder) if request.prior else wanted["prior"],
        }
    )
    if earlier:
        settings.check_continues(earlier)
    meter_for(settings, results, progress)
    if not earlier and (deadline is not None or is_needed(settings)):
        keeps_steps = request.recipe is not None or bool(request.rungs)
        given = Given(request.trials, keeps_steps=keeps_steps, keeps_range=bool(request.range_from))
        left = None if deadline is None else deadline.left
        settings = planned(settings, data, device, left, request.jobs, given)
    return _open(settings, folder, request.storage, data, earlier=earlier is not None), data


def _open(settings: Settings, folder: Path, storage_url: str | None, data: Dataset, *, earlier: bool) -> Run:
    url = storage_url or settings.storage
    if url is None and earlier:
        url = url_of(folder, settings)  # a missing study must raise, not be created empty
    if url is None:
        folder.mkdir(parents=True, exist_ok=True)
    storage = open_storage(url or embedded_url(folder))
    study = create_study(storage, settings)
    settings = identified(settings, study)
    if not earlier:
        enqueue_seeds(study, settings, folder)
    record_baseline(study, settings, data)
    publish(study, settings)
    folder.mkdir(parents=True, exist_ok=True)
    return make_run(folder, settings.write(folder), study, storage)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process of this machine at a time start a run of this name."""
    locks = folder.parent / "cache" / "locks"
    try:
        locks.mkdir(parents=True, exist_ok=True)
        lock = FileLock(locks / f"{hashlib.sha256(folder.name.encode()).hexdigest()[:16]}.lock")
        lock.acquire()
    except OSError as error:
        raise RunError(f"{locks} can't be written ({error.strerror or error}).") from None
    try:
        yield
    finally:
        lock.release()
