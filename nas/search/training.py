"""Full training of what a search found, or of any named architecture."""

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch

from nas.cost import HR_SIZE, Cost, cost
from nas.data.dataset import Dataset, open_dataset
from nas.deploy.denoising import as_denoiser
from nas.errors import InputError
from nas.image_size import Size
from nas.model import Model, is_model, write_atomic
from nas.search.front import Candidate, pareto_front, spread
from nas.search.reference import resolve
from nas.search.run import RESULTS, Run, open_run
from nas.search.settings import check_data
from nas.training.full import train_fully
from nas.training.recipe import Recipe, load_recipe
from nas.training.trainer import Report
from search_spaces import Architecture

Trained = Sequence[tuple[str, Model, Cost]]
"""Model directory, model, cost."""


class Display(Protocol):
    """Who is told how the training goes."""

    def start(self, label: str) -> None:
        """A training begins."""

    def advance(self, report: Report) -> None:
        """A training went on."""


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

    def write_summary(self, models: Trained) -> Path:
        """Write `summary.json`, the figures of all models, and return its path."""
        rows = [
            {"model": name, "macs": price.macs, "hr_size": price.hr_size, "params": price.params, **model.metrics}
            for name, model, price in models
        ]
        path = self.folder / "summary.json"
        write_atomic(path, json.dumps(rows, indent=2) + "\n")
        return path


def plan(
    names: Sequence[str],
    device: torch.device,
    *,
    top: int,
    recipe: str = "full",
    steps: int | None = None,
    degradation: str | None = None,
    data: str | None = None,
    scale: int | None = None,
    storage: str | None = None,
    results: Path = RESULTS,
) -> Job:
    """Work out what `nas train` was asked: the `top` members of a run's front, or the named architectures.

    The training of a model directory starts from its weights and goes to a folder of its name and `-tuned`; that of
    the `architecture.yaml` in it starts from nothing, as everything else does.

    Raises InputError, SpaceError or UnknownNameError.
    """
    asked = {"steps": steps, "degradation": degradation}
    chosen = load_recipe(recipe, device, **{field: value for field, value in asked.items() if value is not None})
    run = open_run(names[0], storage, results) if len(names) == 1 and _is_run(names[0], results) else None
    starts: Mapping[str, Path] = {}
    if run:
        architectures = {_folder_name(c): c.architecture for c in _members(run, top)}
        folder, source = run.folder / "trained", data or run.settings.data
    else:
        architectures, starts = _named(names, scale, results)
        folder, source = results / "trained", data
    if colour := next((name for name, architecture in architectures.items() if architecture.channels != 1), None):
        raise InputError(
            f"Images are of one channel, but {starts.get(colour, colour)} takes {architectures[colour].channels}; "
            "a published network is imported for one channel with --to-gray."
        )
    if len(scales := {a.scale for a in architectures.values()}) > 1:
        raise InputError(f"The architectures have different scales ({', '.join(map(str, scales))}); train them apart.")
    images = open_dataset(
        Path(source) if source else None,
        scale=scales.pop(),
        cache=results / "cache",
        degradation=chosen.degradation,
        denoiser=as_denoiser(chosen.denoiser, device),
        skip_bad=run.settings.skip_bad if run else False,
        min_lr_side=chosen.patch,
    )
    if run and data is None:
        check_data(run.settings, images)
    if run and (searched := run.settings.recipe).input_in_words != chosen.input_in_words:
        warnings.warn(
            f"the search was on images made by {searched.input_in_words}, but the recipe '{chosen.name}' is for "
            f"{chosen.input_in_words}",
            stacklevel=2,
        )
    return Job(folder, architectures, images, chosen, starts, run.settings.hr_size if run else HR_SIZE)


def train_all(
    job: Job, device: torch.device, display: Display, should_stop: Callable[[], bool]
) -> list[tuple[str, Model, Cost]]:
    """Train every architecture of `job` into its model directory, one after the other; finished ones are kept.

    Raises TrainingStoppedError when `should_stop` turned true; the same job continues.
    """
    models = []
    for name, architecture in job.architectures.items():
        folder = job.folder / name
        display.start(name)
        model = train_fully(
            architecture,
            job.data,
            job.recipe,
            folder,
            device=device,
            start=job.starts.get(name),
            listener=display.advance,
            should_stop=should_stop,
        )
        models.append((str(folder), model, cost(architecture, job.hr_size)))
    return models


def _named(names: Sequence[str], scale: int | None, results: Path) -> tuple[dict[str, Architecture], dict[str, Path]]:
    """Return the named architectures, and the model directories among them, by the folder that each is trained into."""
    architectures, starts = {}, {}
    for name in names:
        reference = resolve(name, scale, results)
        folder = reference.folder_name
        if is_model(Path(name)):
            folder += "-tuned"
            starts[folder] = Path(name)
        if folder in architectures:
            raise InputError("Two of the architectures would be trained into one folder; train them apart.")
        architectures[folder] = reference.architecture
    return architectures, starts


def _is_run(name: str, results: Path) -> bool:
    return (results / name / "search.yaml").is_file() or (Path(name) / "search.yaml").is_file()


def _members(run: Run, top: int) -> list[Candidate]:
    members = spread(pareto_front(run.candidates()), top)
    if not members:
        raise InputError(f"The run '{run.settings.run}' has no trained candidate yet; go on with nas search.")
    return members


def _folder_name(candidate: Candidate) -> str:
    return candidate.label.replace("/", "-") if candidate.published else f"trial-{candidate.trial}"
