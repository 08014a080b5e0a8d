"""What `nas train` is asked: which networks, on which images, how, from which weights and into which folders."""

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
from nas.jobs.places import Training, place
from nas.model import IMPORTED, RESULTS, TRAINED, WEIGHTS, Model, is_model, load_model
from nas.search.front import Candidate, spread
from nas.search.images import open_for, remembered
from nas.search.run import Run, open_run
from nas.search.settings import check_data
from nas.training.recipe import Recipe, load_recipe
from search_spaces import Architecture

Trained = Sequence[tuple[str, Model, Cost]]
"""Model directory, model, cost."""


@dataclass(frozen=True)
class Job:
    """What is to be trained, on what and how."""

    folder: Path
    """Holds the model directories."""
    architectures: dict[str, Architecture]
    """By the name of their model directory."""
    data: Dataset
    recipe: Recipe
    starts: Mapping[str, Path] = field(default_factory=dict)
    """By the same names: the model directories whose weights some of the architectures start from."""
    hr_size: Size = HR_SIZE
    """What costs are counted for: the run's size, where it is a run's front that is trained."""
    notes: tuple[str, ...] = ()
    """What is to be said before it begins."""

    def write_summary(self, models: Trained) -> Path:
        """Write `summary.json`, the figures of all models in the folder, and return its path."""
        rows = [
            {"model": name, "macs": price.macs, "hr_size": price.hr_size, "params": price.params, **model.metrics}
            for name, model, price in models
        ]
        path = self.folder / "summary.json"
        rows = [*self._earlier(path, {Path(name).name for name, _, _ in models}), *rows]
        write_atomic(path, json.dumps(rows, indent=2) + "\n")
        return path

    def _earlier(self, path: Path, trained: Collection[str]) -> list[dict[str, Any]]:
        """Return what the summary says of the folder's other models."""
        try:
            rows = json.loads(path.read_text(encoding="utf-8"))
            kept = [row for row in rows if Path(row["model"]).name not in trained]
        except (OSError, ValueError, TypeError, KeyError):
            return []
        return [row for row in kept if (self.folder / Path(row["model"]).name / WEIGHTS).is_file()]


@dataclass(frozen=True)
class Asked:
    """A network that is to be trained."""

    name: str
    """What its folder is called, where that is free."""
    architecture: Architecture
    start: Path | None = None
    """The model directory whose weights it starts from."""


def plan(
    wanted: Sequence[str | Asked],
    device: torch.device,
    *,
    top: int,
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
    """Work out what `nas train` was asked: the `top` members of a run's front, or architectures, named or given.

    The training of a model directory starts from its weights and goes to a folder of its name and `-tuned`; that of
    the `architecture.yaml` in it starts from nothing, as everything else does. No folder of another training is
    taken: see `nas.jobs.places`.

    Raises InputError, SpaceError or UnknownNameError.
    """
    asked = {"steps": steps, "degradation": degradation, "counts": Counts.parse(counts) if counts else None}
    chosen = load_recipe(recipe, device, **{field: value for field, value in asked.items() if value is not None})
    run = _run_among(wanted, storage, results)
    if run:
        asked_for = [Asked(_folder_name(c), c.architecture) for c in _members(run, top)]
        folder, source = run.folder / TRAINED, data or remembered(run.settings.data, run.settings.run)
    else:
        asked_for = [_named(one, scale, results) if isinstance(one, str) else one for one in wanted]
        folder, source = results / TRAINED, data
    if colour := next((one for one in asked_for if one.architecture.channels != 1), None):
        raise InputError(
            f"Images are of one channel, but {colour.start or colour.name} takes {colour.architecture.channels}; "
            "a published network is imported for one channel with --to-gray."
        )
    if len(scales := {one.architecture.scale for one in asked_for}) > 1:
        shown = ", ".join(map(str, sorted(scales)))
        raise InputError(f"The architectures have different scales ({shown}); train them in separate commands.")
    starts = [one.start for one in asked_for if one.start]
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
    if run and data is None:
        check_data(run.settings, images)
    if run and (searched := run.settings.recipe).input_in_words != chosen.input_in_words:
        warnings.warn(
            f"the search was on images made by {searched.input_in_words}, but the recipe '{chosen.name}' is for "
            f"{chosen.input_in_words}",
            stacklevel=2,
        )
    chosen = chosen.seeing(images.normalisation, images.counts)
    return _placed(asked_for, Job(folder, {}, images, chosen, hr_size=run.settings.hr_size if run else HR_SIZE))


def _placed(asked_for: Sequence[Asked], job: Job) -> Job:
    """Return `job` with what is asked for, each in a folder of its own; what is asked for twice is trained once."""
    trainings: dict[str, Training] = {}
    notes = []
    for one in asked_for:
        training = Training(one.architecture, job.data, job.recipe, one.start)
        found = place(job.folder, one.name, training, trainings)
        trainings[found.name] = training
        notes += [found.note] if found.note else []
    architectures = {name: training.architecture for name, training in trainings.items()}
    starts = {name: training.start for name, training in trainings.items() if training.start is not None}
    return replace(job, architectures=architectures, starts=starts, notes=tuple(notes))


def _named(name: str, scale: int | None, results: Path) -> Asked:
    reference = resolve(name, scale, results)
    if is_model(Path(name)):
        return Asked(f"{reference.folder_name}-tuned", reference.architecture, Path(name))
    return Asked(reference.folder_name, reference.architecture)


def _normalisation(recipe: Recipe, run: Run | None, starts: Sequence[Path]) -> Normalisation:
    """Return the recipe's normalisation where it names one, else that of the run or of the weights to start from."""
    if "normalisation" in recipe.model_fields_set:
        return recipe.normalisation
    if run:
        return run.settings.recipe.normalisation.unresolved()
    recipes = [load_model(start).recipe for start in starts]
    # Imported weights have none, and take that of the images.
    kept = {Normalisation.stored(fields) for fields in recipes if IMPORTED not in fields}
    if len(kept) > 1:
        raise InputError("The models were trained with different normalisations; train them in separate commands.")
    return kept.pop() if kept else recipe.normalisation


def _counts(run: Run | None, starts: Sequence[Path]) -> Counts | None:
    """Return the scale of float and signed images that the run, or the weights to start from, were trained with."""
    if run:
        return run.settings.recipe.counts
    stored = [load_model(start).recipe.get("counts") for start in starts]
    kept = {Counts.model_validate(fields) for fields in stored if fields}
    if len(kept) > 1:
        raise InputError("The models were trained with different scales of counts; give --counts.")
    return kept.pop() if kept else None


def _run_among(wanted: Sequence[str | Asked], storage: str | None, results: Path) -> Run | None:
    """Return the run that is named, if it is one."""
    if len(wanted) != 1 or not isinstance(name := wanted[0], str):
        return None
    if not any((place / "search.yaml").is_file() for place in (results / name, Path(name))):
        return None
    return open_run(name, storage, results)


def _members(run: Run, top: int) -> list[Candidate]:
    seen = run.snapshot()
    if seen.candidates:
        return spread(seen.candidates, top, run.settings.objectives)
    name, failed = run.settings.run, seen.given_up
    told = f"paused are {seen.paused_in_words or 'none'}, failed {len(failed)}"
    if failed:
        told += f" (the first, {failed[0].label}: {failed[0].reason.rstrip('.')})"
    advice = f"nas search --run {name} continues"
    if failed and not seen.paused:
        advice = "mend what failed, such as the recipe, and search in another --run"
    raise InputError(f"The run '{name}' has no network that was trained to the end: {told}; {advice}.")


def _folder_name(candidate: Candidate) -> str:
    return candidate.label.replace("/", "-") if candidate.published else f"trial-{candidate.trial}"
