"""Full training of what a search found, or of any named architecture."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from nas.cost import Cost, cost
from nas.data.dataset import Dataset, open_dataset
from nas.errors import InputError
from nas.model import Model, write_atomic
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

    def write_summary(self, models: Trained) -> Path:
        """Write `summary.json`, the figures of all models, and return its path."""
        rows = [
            {"model": name, "macs": price.macs, "params": price.params, **model.metrics}
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
    data: str | None = None,
    scale: int = 2,
    storage: str | None = None,
    results: Path = RESULTS,
) -> Job:
    """Work out what `nas train` was asked: the `top` members of a run's front, or the named architectures.

    Raises InputError, SpaceError or UnknownNameError.
    """
    chosen = load_recipe(recipe, device, **({} if steps is None else {"steps": steps}))
    run = open_run(names[0], storage, results) if len(names) == 1 and _is_run(names[0], results) else None
    if run:
        architectures = {_folder_name(c): c.architecture for c in _members(run, top)}
        folder, source = run.folder / "trained", data or run.settings.data
    else:
        named = [resolve(name, scale, results) for name in names]
        architectures = {r.folder_name: r.architecture for r in named}
        if len(architectures) < len(named):
            raise InputError("Two of the architectures would be trained into one folder; train them apart.")
        folder, source = results / "trained", data
    if len(scales := {a.scale for a in architectures.values()}) > 1:
        raise InputError(f"The architectures have different scales ({', '.join(map(str, scales))}); train them apart.")
    images = open_dataset(
        Path(source) if source else None,
        scale=scales.pop(),
        cache=results / "cache",
        degradation=chosen.degradation,
        skip_bad=run.settings.skip_bad if run else False,
        min_lr_side=chosen.patch,
    )
    if run and data is None:
        check_data(run.settings, images)
    return Job(folder, architectures, images, chosen)


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
            listener=display.advance,
            should_stop=should_stop,
        )
        models.append((str(folder), model, cost(architecture)))
    return models


def _is_run(name: str, results: Path) -> bool:
    return (results / name / "search.yaml").is_file() or (Path(name) / "search.yaml").is_file()


def _members(run: Run, top: int) -> list[Candidate]:
    members = spread(pareto_front(run.candidates()), top)
    if not members:
        raise InputError(f"The run '{run.settings.run}' has no trained candidate yet; go on with nas search.")
    return members


def _folder_name(candidate: Candidate) -> str:
    return candidate.label.replace("/", "-") if candidate.published else f"trial-{candidate.trial}"
