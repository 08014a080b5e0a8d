"""Start or continue a run: from the user's request to a study that workers can join."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock

from nas.budget import Budget
from nas.cost import HR_SIZE
from nas.data.dataset import Dataset
from nas.data.degradation import self_contained
from nas.data.frames import Counts
from nas.deploy.latency_runtime import runtime
from nas.errors import InputError, RunError
from nas.image_size import check_size, hr_size, show_size
from nas.objectives import DEFAULT_OBJECTIVES, OBJECTIVES, parse_objectives
from nas.plugins.given import give_command, give_plugins
from nas.search.costs import meter_for
from nas.search.images import open_for, remembered
from nas.search.mended import run_settings
from nas.search.names import as_name, check_run_name
from nas.search.option import DEFAULT_SCALE, DEFAULT_SCREENS, DEFAULT_SPACE, DEFAULT_TRIALS, REDUCTION
from nas.search.quiet import quiet_optuna
from nas.search.request import Request, defaults
from nas.search.run import RESULTS, Run, make_run, record_baseline, url_of
from nas.search.run_id import check_is_no_copy, identified
from nas.search.samplers import SAMPLERS, check_screens
from nas.search.samplers.cheapest import smallest_cost
from nas.search.schedule.deadline import Deadline
from nas.search.schedule.rungs import default_rungs
from nas.search.schedule.time_plan import Given, planned
from nas.search.settings import SETTINGS, Settings, parse_settings, space_fingerprint
from nas.search.storage.opening import open_storage
from nas.search.storage.urls import embedded_url, without_secrets
from nas.search.study import create_study, publish
from nas.training.recipe import load_recipe
from search_spaces import SearchSpace
from search_spaces.narrowed import NarrowedSpace, is_among, narrowed, read_space
from search_spaces.registry import unknown_name


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
    name = request.run or _default_name(request)
    if not (results / name / SETTINGS).is_file():
        check_run_name(name)
    if request.latency_command:
        give_command(request.latency_command)
    _asked(request, results / name, device)  # raises errors before anything is written
    with _alone(results / name):
        return _start(request, results / name, device, deadline, progress)


def _asked(request: Request, folder: Path, device: torch.device) -> tuple[Settings | None, dict[str, Any], SearchSpace]:
    """Return the earlier settings (None for a new run), the wanted settings, and the space. Raises InputError."""
    earlier = run_settings(folder, request.storage) if (folder / SETTINGS).is_file() else None
    plugins = earlier.plugins if earlier else give_plugins(request.plugins or ())
    wanted = _wanted(request, folder.name, earlier, device) | {"plugins": plugins}
    space = narrowed(wanted["space"], wanted["allow"])
    _check_names(wanted, space)
    _check_budget(wanted, space)
    return earlier, wanted, space


def _start(
    request: Request,
    folder: Path,
    device: torch.device,
    deadline: Deadline | None,
    progress: Callable[[int, int], None] | None,
) -> tuple[Run, Dataset]:
    earlier, wanted, space = _asked(request, folder, device)
    if earlier and (request.storage or earlier.storage):
        check_is_no_copy(folder, earlier)
    recipe, results = wanted["recipe"], folder.parent
    data = open_for(
        recipe,
        request.data or remembered(wanted["data"], folder.name),
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
            "latency_runtime": _latency_runtime(wanted),
        }
    )
    if earlier:
        settings.check_continues(earlier)
    meter_for(settings, results, progress)
    if deadline is not None and not earlier:
        given = Given(request.trials, keeps_steps=request.recipe is not None or bool(request.rungs))
        settings = planned(settings, data, device, deadline.left, request.jobs, given)
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


def _default_name(request: Request) -> str:
    """Return the name of a run from its space, scale, budgets and images, so that the same command continues it."""
    if not request.budgets:
        raise InputError("Give a --budget, e.g. --budget 300G-MACs, or the --run to continue.")
    limits = "-".join(str(Budget.parse(text)) for text in request.budgets)
    images = Path(request.data).resolve().name if request.data else "synthetic"
    space, scale = Path(request.space or DEFAULT_SPACE).stem, request.scale or DEFAULT_SCALE
    size = hr_size(request.hr, request.lr, scale) or HR_SIZE
    parts = [space, f"x{scale}", limits]
    objectives = parse_objectives(request.objectives or DEFAULT_OBJECTIVES)
    if objectives != parse_objectives(DEFAULT_OBJECTIVES):
        parts += [objective.name for objective in objectives]
    return as_name("-".join([*parts, *([] if size == HR_SIZE else [show_size(size)]), images]))


def _wanted(request: Request, name: str, earlier: Settings | None, device: torch.device) -> dict[str, Any]:
    """Return the settings: the options of the request over those of the earlier run, or over the defaults."""
    space = earlier.searched if earlier and not request.space else read_space(request.space or DEFAULT_SPACE)
    asked = {key: value for key, value in asdict(request).items() if value is not None}
    given = {key: value for key, value in asked.items() if key in defaults()}
    given |= {"space": space.name, "allow": space.allow if isinstance(space, NarrowedSpace) else {}}
    scale = request.scale or (earlier.scale if earlier else DEFAULT_SCALE)
    if size := hr_size(request.hr, request.lr, scale):
        given["hr_size"] = size
    if request.budgets:
        given["budgets"] = tuple(map(Budget.parse, request.budgets))
    if request.objectives:
        given["objectives"] = parse_objectives(request.objectives)
    if request.trials is not None:
        given["is_planned"] = False
    if request.data:
        given["data"] = str(Path(request.data).resolve())
    if request.storage:
        given["storage"] = without_secrets(request.storage)
    changes: dict[str, Any] = {}
    if request.degradation is not None:
        changes["degradation"] = self_contained(request.degradation)
    if request.counts is not None:
        changes["counts"] = Counts.parse(request.counts)
    if request.rungs:
        changes["steps"] = request.rungs[-1]
    if request.recipe or not earlier:
        given["recipe"] = load_recipe(request.recipe or "brief", device, **changes)
    elif changes:
        given["recipe"] = earlier.recipe.model_copy(update=changes)
    recipe = given.get("recipe") or (earlier.recipe if earlier else None)
    if recipe and (earlier is None or request.rungs is not None or recipe.steps != earlier.recipe.steps):
        given["rungs"] = _rungs(request, recipe.steps)
    if earlier:
        kept = {key: getattr(earlier, key) for key in Settings.model_fields}
        fixed = {**earlier.fixed, **(request.fixed or {})}
        return kept | given | {"run": name, "fixed": fixed}
    if not request.budgets:
        raise InputError("Give a --budget, e.g. --budget 300G-MACs.")
    unsaid = {
        "channels": 1,
        "objectives": parse_objectives(DEFAULT_OBJECTIVES),
        "hr_size": HR_SIZE,
        "screens": () if request.sampler else DEFAULT_SCREENS,
        "trials": DEFAULT_TRIALS["cpu" if device.type == "cpu" else "cuda"],
        "threads": max(1, torch.get_num_threads() // request.jobs),
    }
    named: dict[str, Any] = {"run": name, "study": name, "fixed": {**space.pinned, **(request.fixed or {})}}
    return {**defaults(), **unsaid, **given, **named}


def _rungs(request: Request, steps: int) -> tuple[int, ...]:
    if request.rungs is None:
        return default_rungs(steps, request.reduction or REDUCTION)
    return request.rungs or (steps,)


def _latency_runtime(wanted: dict[str, Any]) -> str | None:
    """Return the name of the runtime of latencies; None if the search does not ask for latencies."""
    asked = {objective.name for objective in wanted["objectives"]} | {budget.cost for budget in wanted["budgets"]}
    if "latency" not in asked:
        return None
    return runtime(wanted["latency_command"], wanted["latency_threads"]).name


def _check_names(wanted: dict[str, Any], space: SearchSpace) -> None:
    SAMPLERS.get(wanted["sampler"])
    check_screens(wanted["screens"], wanted["sampler"])
    if wanted["trials"] < 1:
        raise InputError(f"A search needs at least one trial, not {wanted['trials']}.")
    parameters = space.parameters()
    for name, value in wanted["fixed"].items():
        if name not in parameters:
            raise unknown_name(f"choice of the space '{space.name}'", name, dict(parameters))
        if not is_among(value, parameters[name]):
            raise InputError(f"The choice '{name}' may be fixed to one of {list(parameters[name])}, not {value!r}.")


def _check_budget(wanted: dict[str, Any], space: SearchSpace) -> None:
    """Raise InputError if not even the cheapest network of the space fits; measured costs are checked in the search."""
    scale, size = wanted["scale"], wanted["hr_size"]
    check_size(size, scale, space.minimum_side)
    for budget in (budget for budget in wanted["budgets"] if budget.objective.count):
        smallest = smallest_cost(space, scale, wanted["channels"], wanted["fixed"], size, budget)
        if budget.excess(smallest) > 0:
            shown = dict.fromkeys(("macs", "params", budget.cost))
            costs = [OBJECTIVES.get(name).in_words(smallest[name]) for name in shown]
            raise InputError(
                f"No network of '{space.name}'{' as narrowed' if wanted['allow'] else ''} fits {budget} at x{scale}, "
                f"HR {show_size(size)}; its cheapest needs {', '.join(costs)}."
            )
