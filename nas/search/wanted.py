"""The wanted settings of a run: the options of a request over those of an earlier run, or over the defaults."""

import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from nas.budget import Budget, tightest
from nas.cost import HR_SIZE
from nas.data.degradation import self_contained
from nas.data.frames import Counts
from nas.deploy.latency_runtime import runtime
from nas.deploy.narrowing import in_words, narrowed_for
from nas.deploy.target import load_target
from nas.errors import InputError
from nas.image_size import check_size, hr_size, show_size
from nas.objectives import DEFAULT_OBJECTIVES, OBJECTIVES, parse_objectives
from nas.plugins.given import give_plugins
from nas.search.interest import lower_ends
from nas.search.mended import run_settings
from nas.search.names import as_name
from nas.search.option import DEFAULT_SCALE, DEFAULT_SCREENS, DEFAULT_SPACE, DEFAULT_TRIALS, REDUCTION, SHIPPED_PRIOR
from nas.search.request import Request, defaults
from nas.search.samplers import SAMPLERS, check_screens
from nas.search.samplers.cheapest import smallest_cost
from nas.search.samplers.problem import Problem
from nas.search.samplers.reach import range_within_reach
from nas.search.schedule.rungs import default_rungs
from nas.search.settings import SETTINGS, Settings
from nas.search.storage.urls import without_secrets
from nas.training.plateau import check_no_plateau
from nas.training.recipe import Recipe, load_recipe
from search_spaces import SearchSpace
from search_spaces.narrowed import NarrowedSpace, is_among, narrowed, read_space
from search_spaces.registry import unknown_name


def wanted_settings(
    request: Request, folder: Path, device: torch.device
) -> tuple[Settings | None, dict[str, Any], SearchSpace]:
    """Return the earlier settings (None for a new run), the wanted settings, and the space. Raises InputError."""
    earlier = run_settings(folder, request.storage) if (folder / SETTINGS).is_file() else None
    plugins = earlier.plugins if earlier else give_plugins(request.plugins or ())
    wanted = _wanted(request, folder.name, earlier, device) | {"plugins": plugins}
    space = narrowed(wanted["space"], wanted["allow"])
    _check_names(wanted, space)
    _check_budget(wanted, space)
    given = tuple(map(Budget.parse, request.range_from or ()))
    if not earlier:
        wanted["range_from"] = _range_from(wanted, space, given)
    elif given:
        wanted["range_from"] = lower_ends(wanted["budgets"], given)
    return earlier, wanted, space


def default_name(request: Request) -> str:
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
    space = _space(request, earlier)
    given = _given(request, earlier, device)
    given |= {"space": space.name, "allow": space.allow if isinstance(space, NarrowedSpace) else {}}
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
        "prior": SHIPPED_PRIOR,
        "trials": DEFAULT_TRIALS["cpu" if device.type == "cpu" else "cuda"],
        "threads": max(1, torch.get_num_threads() // request.jobs),
    }
    named: dict[str, Any] = {"run": name, "study": name, "fixed": {**space.pinned, **(request.fixed or {})}}
    return {**defaults(), **unsaid, **given, **named}


def _space(request: Request, earlier: Settings | None) -> SearchSpace:
    """Return the space to search, as the user and the chip narrow it."""
    space = earlier.searched if earlier and not request.space else read_space(request.space or DEFAULT_SPACE)
    if not request.target:
        return space
    scale = request.scale or (earlier.scale if earlier else DEFAULT_SCALE)
    chip = load_target(request.target)
    left = narrowed_for(space, chip, scale)
    if not earlier:
        warnings.warn(in_words(left, space, chip), stacklevel=2)
    return left


def _given(request: Request, earlier: Settings | None, device: torch.device) -> dict[str, Any]:
    """Return the settings that the options of a request decide."""
    asked = {key: value for key, value in asdict(request).items() if value is not None}
    given = {key: value for key, value in asked.items() if key in defaults()}
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
    recipe = _recipe(request, earlier, device)
    if recipe is not None:
        check_no_plateau(recipe, "A search")
        given["recipe"] = recipe
    used = recipe or (earlier.recipe if earlier else None)
    if used and (earlier is None or request.rungs is not None or used.steps != earlier.recipe.steps):
        given["rungs"] = _rungs(request, used)
    return given


def _recipe(request: Request, earlier: Settings | None, device: torch.device) -> Recipe | None:
    """Return the brief recipe that a request asks for; None if the earlier recipe stays."""
    changes: dict[str, Any] = {}
    if request.degradation is not None:
        changes["degradation"] = self_contained(request.degradation)
    if request.counts is not None:
        changes["counts"] = Counts.parse(request.counts)
    if request.rungs:
        changes["steps"] = request.rungs[-1]
    if request.recipe or not earlier:
        return load_recipe(request.recipe or "brief", device, **changes)
    return earlier.recipe.model_copy(update=changes) if changes else None


def _rungs(request: Request, recipe: Recipe) -> tuple[int, ...]:
    if request.rungs is None:
        return default_rungs(recipe, request.reduction or REDUCTION)
    return request.rungs or (recipe.steps,)


def latency_runtime(wanted: dict[str, Any]) -> str | None:
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


def _range_from(wanted: dict[str, Any], space: SearchSpace, given: tuple[Budget, ...]) -> tuple[Budget, ...]:
    """Return the lower ends of the range of interest of a new run."""
    budgets = tightest(wanted["budgets"])
    problem = Problem(space, wanted["scale"], wanted["channels"], wanted["hr_size"], budgets, wanted["fixed"])
    return range_within_reach(problem, given, wanted["seed"])


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
