"""The plan of `nas train`: the networks, images, recipe, start weights and folders."""

import json
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from nas.cost import HR_SIZE, Cost
from nas.data.dataset import Dataset
from nas.data.frames import Counts
from nas.data.normalisation import Normalisation
from nas.errors import InputError
from nas.files import write_atomic
from nas.image_size import Size
from nas.jobs.naming import resolve
from nas.jobs.picks import Pick, Picking, pick
from nas.jobs.places import Training, place
from nas.model import IMPORTED, RESULTS, TRAINED, WEIGHTS, Model, is_model, load_model
from nas.search.images import images_of, open_for
from nas.search.run import Run, open_run
from nas.search.settings import check_data
from nas.search.trial_names import numbers_of
from nas.training.recipe import Recipe, load_recipe
from search_spaces import Architecture

Trained = Sequence[tuple[str, Model, Cost]]
"""Model directory, model, cost."""


@dataclass(frozen=True)
class Job:
    """The trainings of one command: all on the same images by the same recipe."""

    folder: Path
    """The folder of the model directories."""
    architectures: dict[str, Architecture]
    """The architectures by the names of their model directories."""
    data: Dataset
    recipe: Recipe
    starts: Mapping[str, Path] = field(default_factory=dict)
    """The model directories of start weights, by the same names; the other networks start from random weights."""
    hr_size: Size = HR_SIZE
    """Width and height of the HR image that costs are counted for; for the front of a run, the run's size."""
    notes: tuple[str, ...] = ()
    """Messages for the user before the first training."""
    picks: tuple[str, ...] = ()
    """Which networks of a run's front are trained, and why; empty for named networks."""

    def write_summary(self, models: Trained) -> Path:
        """Write `summary.json` with the figures of all models in the folder, and return its path."""
        rows = [
            {"model": name, "macs": price.macs, "hr_size": price.hr_size, "params": price.params, **model.metrics}
            for name, model, price in models
        ]
        path = self.folder / "summary.json"
        rows = [*self._earlier(path, {Path(name).name for name, _, _ in models}), *rows]
        write_atomic(path, json.dumps(rows, indent=2) + "\n")
        return path

    def _earlier(self, path: Path, trained: Collection[str]) -> list[dict[str, Any]]:
        """Return the rows of the other models in an existing summary."""
        try:
            rows = json.loads(path.read_text(encoding="utf-8"))
            kept = [row for row in rows if Path(row["model"]).name not in trained]
        except (OSError, ValueError, TypeError, KeyError):
            return []
        return [row for row in kept if (self.folder / Path(row["model"]).name / WEIGHTS).is_file()]


@dataclass(frozen=True)
class Asked:
    """A network to train."""

    name: str
    """The name of its folder, unless another training has this folder."""
    architecture: Architecture
    start: Path | None = None
    """The model directory of the start weights; None: random weights."""
    earlier: tuple[str, ...] = ()
    """Other names that its folder may have from earlier."""
    run: Run | None = None
    """The run of a trial."""


def plan_training(
    wanted: Sequence[str | Asked],
    device: torch.device,
    *,
    top: int | None = None,
    knee: bool = False,
    under: Sequence[str] = (),
    recipe: str = "full",
    steps: int | None = None,
    degradation: str | None = None,
    counts: str | None = None,
    data: str | None = None,
    scale: int | None = None,
    storage: str | None = None,
    skip_bad: bool | None = None,
    results: Path = RESULTS,
) -> Job:
    """Plan the trainings of `nas train`.

    A model directory starts from its weights and is trained into a folder with the suffix `-tuned`. Everything else,
    also the `architecture.yaml` in a model directory, starts from random weights. A training never takes the folder of
    another training (`nas.jobs.places`).

    Args:
        wanted: A run, or one or more architectures.
        device: The device, which decides the recipe's defaults.
        top: Number of networks of a run's front, spread over its range; 1: the best. Default: the knee, and the best
            within the budget and within half of it.
        knee: Whether to take the knee of a run's front.
        under: Budgets, to take the best network of a run within each.
        recipe: A recipe's name or YAML file.
        steps, degradation, counts: In place of the recipe's.
        data: Folder of images. Default: that of the run (also of `RUN:TRIAL`), else the synthetic set.
        scale: Scale of published networks.
        storage: SQLAlchemy URL of the run's study.
        skip_bad: Whether to leave unreadable images out. Default: as the run does.
        results: The folder with runs and trained networks.

    Raises:
        InputError, SpaceError or UnknownNameError: Something that is asked for does not exist or does not fit.
    """
    asked = {"steps": steps, "degradation": degradation, "counts": Counts.parse(counts) if counts else None}
    chosen = load_recipe(recipe, device, **{field: value for field, value in asked.items() if value is not None})
    picking = Picking(top, knee, tuple(under))
    picks: list[Pick] = []
    front = _run_among(wanted, storage, results)
    if front:
        picks = pick(front, picking)
        asked_for = _asked_of(front, picks)
    else:
        if knee or under:
            raise InputError("--knee and --under choose among the front of a run; name one RUN with them.")
        asked_for = [_named(network, scale, results) if isinstance(network, str) else network for network in wanted]
    run = front or _common_run(asked_for)
    folder = front.folder / TRAINED if front else results / TRAINED
    source = data or (images_of(run.settings, run.folder) if run else None)
    if colour := next((network for network in asked_for if network.architecture.channels != 1), None):
        raise InputError(
            f"Images have one channel, but {colour.start or colour.name} takes {colour.architecture.channels}; "
            "import a published network with --to-gray for one channel."
        )
    if len(scales := {network.architecture.scale for network in asked_for}) > 1:
        shown = ", ".join(map(str, sorted(scales)))
        raise InputError(f"The architectures have different scales ({shown}); train them in separate commands.")
    starts = [network.start for network in asked_for if network.start]
    chosen = chosen.model_copy(update={"counts": chosen.counts or _counts(run, starts)})
    images = open_for(
        chosen,
        source,
        scale=scales.pop(),
        device=device,
        results=results,
        normalisation=_normalisation(chosen, run, starts),
        skip_bad=bool(skip_bad or (run and run.settings.skip_bad)),
    )
    if run and (front or data is None):
        advice = f"; to train on other images, name the networks, e.g. nas train {run.settings.run}:7 --data {data}"
        check_data(run.settings, images, source, advice if data else "")
    if run and (searched := run.settings.recipe).input_in_words != chosen.input_in_words:
        warnings.warn(
            f"the search used images made by {searched.input_in_words}, but the recipe '{chosen.name}' is for "
            f"{chosen.input_in_words}",
            stacklevel=2,
        )
    chosen = chosen.seeing(images.normalisation, images.counts)
    size = run.settings.hr_size if run else HR_SIZE
    told = tuple(found.in_words for found in picks)
    return _placed(asked_for, Job(folder, {}, images, chosen, hr_size=size, picks=told))


def _placed(asked_for: Sequence[Asked], job: Job) -> Job:
    """Return `job` with the networks asked for, each in its own folder. A network given twice is trained once."""
    trainings: dict[str, Training] = {}
    notes = []
    for network in asked_for:
        training = Training(network.architecture, job.data, job.recipe, network.start)
        found = place(job.folder, network.name, training, trainings, network.earlier)
        trainings[found.name] = training
        notes += [found.note] if found.note else []
    architectures = {name: training.architecture for name, training in trainings.items()}
    starts = {name: training.start for name, training in trainings.items() if training.start is not None}
    return replace(job, architectures=architectures, starts=starts, notes=tuple(notes))


def _named(name: str, scale: int | None, results: Path) -> Asked:
    named = resolve(name, scale, results)
    if is_model(Path(name)):
        return Asked(f"{named.folder_name}-tuned", named.architecture, Path(name))
    return Asked(named.folder_name, named.architecture, earlier=named.earlier_folders, run=named.run)


def _asked_of(run: Run, picks: Sequence[Pick]) -> list[Asked]:
    firsts = run.snapshot().firsts
    asked = []
    for found in picks:
        earlier = found.earlier_folders(numbers_of(found.candidate.trial, firsts))
        asked.append(Asked(found.folder_name, found.candidate.architecture, earlier=earlier))
    return asked


def _common_run(networks: Sequence[Asked]) -> Run | None:
    """Return the run that all networks are trials of; None if there is no such run."""
    runs = {network.run.folder.resolve(): network.run for network in networks if network.run}
    return next(iter(runs.values())) if len(runs) == 1 and all(network.run for network in networks) else None


def _normalisation(recipe: Recipe, run: Run | None, starts: Sequence[Path]) -> Normalisation:
    """Return the normalisation of the recipe if it sets one, else that of the run or of the start weights."""
    if "normalisation" in recipe.model_fields_set:
        return recipe.normalisation
    if run:
        return run.settings.recipe.normalisation.unresolved()
    recipes = [load_model(start).recipe for start in starts]
    # Imported weights have no normalisation and use that of the images.
    kept = {Normalisation.stored(fields) for fields in recipes if IMPORTED not in fields}
    if len(kept) > 1:
        raise InputError("The models were trained with different normalisations; train them in separate commands.")
    return kept.pop() if kept else recipe.normalisation


def _counts(run: Run | None, starts: Sequence[Path]) -> Counts | None:
    """Return the counts scale of float and signed images that the run or the start weights were trained with."""
    if run:
        return run.settings.recipe.counts
    stored = [load_model(start).recipe.get("counts") for start in starts]
    kept = {Counts.model_validate(fields) for fields in stored if fields}
    if len(kept) > 1:
        raise InputError("The models were trained with different scales of counts; give --counts.")
    return kept.pop() if kept else None


def _run_among(wanted: Sequence[str | Asked], storage: str | None, results: Path) -> Run | None:
    """Return the run if `wanted` names one, else None."""
    if len(wanted) != 1 or not isinstance(name := wanted[0], str):
        return None
    if not any((place / "search.yaml").is_file() for place in (results / name, Path(name))):
        return None
    return open_run(name, storage, results)
