"""Full training of what a search found, or of any named architecture."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from nas.cost import cost
from nas.jobs.places import Training, claim
from nas.jobs.training_plan import Job, Trained
from nas.metrics import baseline_name
from nas.model import load_model
from nas.parallel.listener import Audience
from nas.parallel.placement import Room, find_room
from nas.parallel.processes import Stop, Work, run_in_turn, run_processes
from nas.training.divergence import TrainingDivergedError
from nas.training.full import is_finished, train_fully
from nas.training.group import ALONE, Group
from nas.training.logs import find_summary_writer
from nas.training.trainer import TrainingStoppedError


@dataclass(frozen=True)
class Done:
    """What the training of a job brought."""

    models: Trained
    failures: Mapping[str, str]
    """Why some were not trained, by name."""
    summary: Path | None
    """The file with the figures of all trained networks of the folder, where there is any."""


def train_job(
    job: Job,
    device: torch.device,
    audience: Audience,
    should_stop: Stop,
    *,
    jobs: int | None = None,
    threads: int | None = None,
    tensorboard: Path | None = None,
    group: Group = ALONE,
    introduce: Callable[[Room], None] = lambda room: None,
) -> Done:
    """Find room for the trainings of `job`, tell `introduce` of it, train all and write their summary.

    Raises as `find_room` and `train_all` do.
    """
    room = find_room(job.architectures.values(), job.recipe, job.data, device, jobs, threads, group.size)
    introduce(room)
    models, failures = train_all(job, room, audience, should_stop, tensorboard, group)
    return Done(models, failures, job.write_summary(models) if models else None)


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
    if group.is_main:
        for name, architecture in job.architectures.items():
            claim(job.folder / name, Training(architecture, job.data, job.recipe, job.starts.get(name)))
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
        raise TrainingStoppedError(f"{done} are trained; the same command continues with the others.")
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
