"""Full training of what a search found, or of any named architecture."""

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch

from nas.cost import HR_SIZE, Cost, cost
from nas.data.dataset import Dataset
from nas.data.frames import Counts
from nas.data.normalisation import Normalisation
from nas.errors import InputError
from nas.files import write_atomic
from nas.image_size import Size
from nas.metrics import baseline_name
from nas.model import IMPORTED, RESULTS, TRAINED, Model, is_model, load_model
from nas.search.audience import Audience
from nas.search.front import Candidate, spread
from nas.search.images import open_for, remembered
from nas.search.pool import Stop, Work, run_in_turn, run_processes
from nas.search.reference import resolve
from nas.search.room import Room
from nas.search.run import Run, open_run
from nas.search.settings import check_data
from nas.training.full import is_finished, train_fully
from nas.training.group import ALONE, Group
from nas.training.logs import find_summary_writer
from nas.training.recipe import Recipe, load_recipe
from nas.training.trainer import TrainingDivergedError, TrainingStoppedError
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
    counts: str | None = None,
    data: str | None = None,
    scale: int | None = None,
    storage: str | None = None,
    skip_bad: bool | None = None,
    results: Path = RESULTS,
) -> Job:
    """Work out what `nas train` was asked: the `top` members of a run's front, or the named architectures.

    The training of a model directory starts from its weights and goes to a folder of its name and `-tuned`; that of
    the `architecture.yaml` in it starts from nothing, as everything else does.

    Raises InputError, SpaceError or UnknownNameError.
    """
    asked = {"steps": steps, "degradation": degradation, "counts": Counts.parse(counts) if counts else None}
    chosen = load_recipe(recipe, device, **{field: value for field, value in asked.items() if value is not None})
    run = open_run(names[0], storage, results) if len(names) == 1 and _is_run(names[0], results) else None
    starts: Mapping[str, Path] = {}
    if run:
        architectures = {_folder_name(c): c.architecture for c in _members(run, top)}
        folder, source = run.folder / TRAINED, data or remembered(run.settings.data, run.settings.run)
    else:
        architectures, starts = _named(names, scale, results)
        folder, source = results / TRAINED, data
    if colour := next((name for name, architecture in architectures.items() if architecture.channels != 1), None):
        raise InputError(
            f"Images are of one channel, but {starts.get(colour, colour)} takes {architectures[colour].channels}; "
            "a published network is imported for one channel with --to-gray."
        )
    if len(scales := {a.scale for a in architectures.values()}) > 1:
        raise InputError(f"The architectures have different scales ({', '.join(map(str, scales))}); train them apart.")
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
    return Job(folder, architectures, images, chosen, starts, run.settings.hr_size if run else HR_SIZE)


def train_all(
    job: Job,
    room: Room,
    audience: Audience,
    should_stop: Stop,
    tensorboard: Path | None = None,
    group: Group = ALONE,
) -> tuple[Trained, dict[str, str]]:
    """Train every architecture of `job` into its model directory, as many at a time as there is room for.

    Returns the models, and of those that failed why, by name; finished ones are kept. `tensorboard` is a folder that
    gets one of event files for each network. A `group` trains one network at a time, and only its main process returns
    what was found. Raises TrainingStoppedError when `should_stop` turned true, and where there is one architecture
    only, what its training raises; the same job continues. Raises InputError where TensorBoard's package is missing.
    """
    if tensorboard:
        find_summary_writer()  # at once and once, not in each training
    works: dict[str, Work] = {
        name: partial(_train_one, job, name, room.threads, tensorboard) for name in job.architectures
    }
    failures: dict[str, str] = {}
    if group.size > 1:
        failures = _train_together(job, room, audience, should_stop, tensorboard, group)
    elif len(works) == 1:
        for work in works.values():
            work(room.devices[0], audience, should_stop)
    else:
        failures = _run(job, works, room, audience, should_stop)
    models = []
    for name, architecture in job.architectures.items():
        if name not in failures and group.is_main:
            folder = job.folder / name
            models.append((str(folder), load_model(folder), cost(architecture, job.hr_size)))
    return models, failures


def _run(job: Job, works: Mapping[str, Work], room: Room, audience: Audience, should_stop: Stop) -> dict[str, str]:
    """Do `works`, those of finished trainings here and at once; return why some failed. Raises TrainingStoppedError."""
    to_do = dict(works)
    for name, architecture in job.architectures.items():
        if is_finished(architecture, job.data, job.recipe, job.folder / name, start=job.starts.get(name)):
            to_do.pop(name)(room.devices[0], audience, should_stop)
    if len(room.devices) == 1:
        failures = run_in_turn(to_do, room.devices[0], audience, should_stop)
    else:
        failures = run_processes(to_do, room.devices, audience, should_stop)
    if should_stop() and failures:
        done = f"{len(works) - len(failures)} of {len(works)}"
        raise TrainingStoppedError(f"{done} are trained; the same command goes on with the others.")
    return failures


def _train_together(
    job: Job, room: Room, audience: Audience, should_stop: Stop, tensorboard: Path | None, group: Group
) -> dict[str, str]:
    """Train one architecture after the other with the processes of `group`; what diverges does so in all of them."""
    failures: dict[str, str] = {}
    for name, architecture in job.architectures.items():
        start = job.starts.get(name)
        if group.from_main(
            group.is_main and is_finished(architecture, job.data, job.recipe, job.folder / name, start=start)
        ):
            continue
        try:
            _train_one(job, name, room.threads, tensorboard, room.devices[0], audience, should_stop, group)
        except TrainingDivergedError as error:
            if len(job.architectures) == 1:
                raise
            failures[name] = str(error)
            audience.say(f"{name}: {error}")
    return failures


def _train_one(
    job: Job,
    name: str,
    threads: int,
    tensorboard: Path | None,
    device: torch.device,
    audience: Audience,
    should_stop: Stop,
    group: Group = ALONE,
) -> None:
    torch.set_num_threads(threads)
    with audience.training(name) as listener:
        model = train_fully(
            job.architectures[name],
            job.data,
            job.recipe,
            job.folder / name,
            device=device,
            start=job.starts.get(name),
            listener=listener,
            tensorboard=tensorboard / name if tensorboard else None,
            should_stop=should_stop,
            group=group,
        )
    metrics, baseline = model.metrics, baseline_name(model.architecture.scale)
    gain = metrics["psnr"] - metrics["bicubic_psnr"]
    audience.say(f"{name}: {metrics['psnr']:.2f} dB ({gain:+.2f} over {baseline})")


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


def _normalisation(recipe: Recipe, run: Run | None, starts: Mapping[str, Path]) -> Normalisation:
    """Return the recipe's normalisation where it names one, else that of the run or of the weights to start from."""
    if "normalisation" in recipe.model_fields_set:
        return recipe.normalisation
    if run:
        return run.settings.recipe.normalisation.unresolved()
    recipes = [load_model(start).recipe for start in starts.values()]
    # Imported weights have none, and take that of the images.
    kept = {Normalisation.stored(fields) for fields in recipes if IMPORTED not in fields}
    if len(kept) > 1:
        raise InputError("The models were trained with different normalisations; train them apart.")
    return kept.pop() if kept else recipe.normalisation


def _counts(run: Run | None, starts: Mapping[str, Path]) -> Counts | None:
    """Return the scale that the run, or the weights to start from, were trained with."""
    if run:
        return run.settings.recipe.counts
    stored = [load_model(start).recipe.get("counts") for start in starts.values()]
    kept = {Counts.model_validate(fields) for fields in stored if fields}
    if len(kept) > 1:
        raise InputError("The models were trained with different scales of counts; give --counts.")
    return kept.pop() if kept else None


def _is_run(name: str, results: Path) -> bool:
    return (results / name / "search.yaml").is_file() or (Path(name) / "search.yaml").is_file()


def _members(run: Run, top: int) -> list[Candidate]:
    members = spread(run.candidates(), top, run.settings.aims)
    if not members:
        raise InputError(f"The run '{run.settings.run}' has no trained candidate yet; go on with nas search.")
    return members


def _folder_name(candidate: Candidate) -> str:
    return candidate.label.replace("/", "-") if candidate.published else f"trial-{candidate.trial}"
