"""From what the user asked to a run that workers can join."""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from nas.budget import Budget, short
from nas.cost import cost
from nas.data.dataset import Dataset, open_dataset
from nas.errors import InputError
from nas.search.run import RESULTS, Run, load_plugins, record_baseline
from nas.search.settings import RUN_NAME, SETTINGS, Settings, parse_settings, read_settings, space_fingerprint
from nas.search.study import SAMPLERS, create_study, embedded_url, open_storage, publish, without_password
from nas.training.recipe import load_recipe
from proxies import PROXIES
from search_spaces import SPACES, Architecture, Choice
from search_spaces.registry import unknown_name

DEFAULT_TRIALS = {"cpu": 14, "cuda": 120}
"""About ten minutes of brief trainings on 2 CPU cores."""


@dataclass(frozen=True)
class Request:
    """What the user gave; None means as before in a run that goes on, and the default in a new one."""

    run: str | None = None
    budgets: tuple[str, ...] | None = None
    data: str | None = None
    space: str | None = None
    scale: int | None = None
    proxy: str | None = None
    recipe: str | None = None
    sampler: str | None = None
    trials: int | None = None
    seed: int | None = None
    jobs: int = 1
    fixed: dict[str, Choice] | None = None
    skip_bad: bool | None = None
    plugins: tuple[str, ...] | None = None
    storage: str | None = None


def start(
    request: Request,
    device: torch.device,
    results: Path = RESULTS,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Run, Dataset]:
    """Start a run, or go on with it if it is there, and return it with its data.

    Everything is checked before anything is written to the run directory. Raises InputError.
    """
    load_plugins(request.plugins or ())
    name = request.run or _default_name(request)
    if not re.fullmatch(RUN_NAME, name):
        raise InputError(f"'{name}' can't name a run; use letters, digits and . _ + -, the first a letter or a digit.")
    folder = results / name
    earlier = read_settings(folder) if (folder / SETTINGS).is_file() else None
    if earlier:
        load_plugins(earlier.plugins)
    wanted = _wanted(request, name, earlier, device)
    space, recipe = SPACES.get(wanted["space"]), wanted["recipe"]
    _check_names(wanted)
    _check_budget(wanted)
    source = wanted["data"]
    data = open_dataset(
        Path(source) if source else None,
        scale=wanted["scale"],
        cache=results / "cache",
        degradation=recipe.degradation,
        skip_bad=wanted["skip_bad"],
        min_lr_side=recipe.patch,
        progress=progress,
    )
    settings = parse_settings(
        wanted
        | {
            "recipe": recipe.model_dump(),
            "data_fingerprint": data.fingerprint,
            "space_fingerprint": space_fingerprint(space.name),
        }
    )
    if earlier:
        settings.check_continues(earlier)
    return _open(settings, folder, request.storage, data), data


def _open(settings: Settings, folder: Path, storage_url: str | None, data: Dataset) -> Run:
    url = storage_url or settings.storage
    if url is None:
        folder.mkdir(parents=True, exist_ok=True)
    storage = open_storage(url or embedded_url(folder))
    study = create_study(storage, settings)
    record_baseline(study, settings, data)
    publish(study, settings)
    folder.mkdir(parents=True, exist_ok=True)
    settings.write(folder)
    return Run(folder, settings, study, storage)


def _default_name(request: Request) -> str:
    """Name a run by what it searches, so that the same command goes on with it."""
    if not request.budgets:
        raise InputError("Give a --budget, e.g. --budget 300G-MACs, or the --run to go on with.")
    limits = "-".join(str(Budget.parse(text)) for text in request.budgets)
    images = Path(request.data).resolve().name if request.data else "synthetic"
    return f"{request.space or 'falsr'}-x{request.scale or 2}-{limits}-{images}"


def _wanted(request: Request, name: str, earlier: Settings | None, device: torch.device) -> dict[str, Any]:
    """Merge what was given over what the run remembers, or over the defaults."""
    space = request.space or (earlier.space if earlier else "falsr")
    given = {key: value for key, value in asdict(request).items() if value is not None}
    given.pop("jobs")
    if request.budgets:
        given["budgets"] = tuple(str(Budget.parse(text)) for text in request.budgets)
    if request.plugins:
        given["plugins"] = tuple(str(Path(path).resolve()) for path in request.plugins)
    if request.storage:
        given["storage"] = without_password(request.storage)
    if request.recipe or not earlier:
        given["recipe"] = load_recipe(request.recipe or "brief", device)
    if earlier:
        kept = {key: getattr(earlier, key) for key in Settings.model_fields}
        fixed = {**earlier.fixed, **(request.fixed or {})}
        return kept | given | {"run": name, "fixed": fixed}
    if not request.budgets:
        raise InputError("Give a --budget, e.g. --budget 300G-MACs.")
    defaults = {
        "space": space,
        "scale": 2,
        "channels": 1,
        "data": None,
        "proxy": "brief",
        "sampler": "tpe",
        "trials": DEFAULT_TRIALS.get(device.type, DEFAULT_TRIALS["cuda"]),
        "seed": 0,
        "threads": max(1, torch.get_num_threads() // request.jobs),
        "skip_bad": False,
        "plugins": (),
        "storage": None,
    }
    return defaults | given | {"run": name, "fixed": {**SPACES.get(space).pinned, **(request.fixed or {})}}


def _check_names(wanted: dict[str, Any]) -> None:
    PROXIES.get(wanted["proxy"])
    if wanted["sampler"] not in SAMPLERS:
        raise unknown_name("sampler", wanted["sampler"], dict(SAMPLERS))
    if wanted["trials"] < 1:
        raise InputError(f"A search needs at least one trial, not {wanted['trials']}.")
    parameters = SPACES.get(wanted["space"]).parameters()
    for name, value in wanted["fixed"].items():
        if name not in parameters:
            raise unknown_name(f"choice of the space '{wanted['space']}'", name, dict(parameters))
        if not any(value == v and type(value) is type(v) for v in parameters[name]):
            raise InputError(f"The choice '{name}' may be fixed to one of {list(parameters[name])}, not {value!r}.")


def _check_budget(wanted: dict[str, Any]) -> None:
    """Raise InputError when not even the smallest network of the space fits."""
    space = SPACES.get(wanted["space"])
    choices = {**space.smallest, **wanted["fixed"]}
    smallest = cost(Architecture(space.name, wanted["scale"], wanted["channels"], choices))
    for budget in (Budget.parse(text) for text in wanted["budgets"]):
        if budget.excess(smallest) > 0:
            raise InputError(
                f"The budget {budget} is under the smallest network of the space '{space.name}' at "
                f"x{wanted['scale']}: {short(smallest.macs)} MACs, {short(smallest.params)} params."
            )
