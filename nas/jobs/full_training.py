"""Full training of networks that a search found, or of named architectures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from nas.cost import cost
from nas.jobs.forecast import Forecast, forecast
from nas.jobs.places import Training, claim
from nas.jobs.training_plan import Job, Trained
from nas.metrics import baseline_name
from nas.model import load_model
from nas.parallel.listener import Listener
from nas.parallel.placement import Placement, find_placement
from nas.parallel.processes import Stop, Work, run_in_turn, run_processes
from nas.training.divergence import TrainingDivergedError
from nas.training.full import SKIPPED, is_finished, train_fully
from nas.training.group import ALONE, Group
from nas.training.logs import find_summary_writer
from nas.training.trainer import TrainingStoppedError


@dataclass(frozen=True)
class Done:
    """The result of the training of a job."""

    models: Trained
    failures: Mapping[str, str]
    """Why networks were not trained, by name."""
    summary: Path | None
    """The file with the figures of all trained networks of the folder; None if nothing is trained."""


def train_job(
    job: Job,
    device: torch.device,
    listener: Listener,
    should_stop: Stop,
    *,
    jobs: int | None = None,
    threads: int | None = None,
    tensorboard: Path | None = None,
    group: Group = ALONE,
    introduce: Callable[[Placement, Forecast | None], None] = lambda placement, forecast: None,
) -> Done:
    """Place the trainings of `job`, train all networks and write their summary.

    Before the first training `introduce` is called with the placement and with the time that the trainings will take.

    Raises as `find_placement` and `train_all` do.
    """
    placement = find_placement(job.architectures.values(), job.recipe, job.data, device, jobs, threads, group.size)
    introduce(placement, forecast(job, placement, should_stop))
    models, failures = train_all(job, placement, listener, should_stop, tensorboard, group)
    return Done(models, failures, job.write_summary(models) if models else None)


def train_all(
    job: Job,
    placement: Placement,
    listener: Listener,
    should_stop: Stop,
    tensorboard: Path | None = None,
    group: Group = ALONE,
) -> tuple[Trained, dict[str, str]]:
    """Train every architecture of `job` into its model directory, as many at the same time as `placement` says.

    Finished networks are kept. The same job continues after a stop.

    Args:
        tensorboard: Folder that gets a folder of event files for each network.
        group: The processes of torchrun, which train one network at a time. Only the main process returns models.

    Returns:
        The models, and the reasons of failures by name.

    Raises:
        TrainingStoppedError: `should_stop` turned true.
        InputError: TensorBoard's package is missing.
        RunError: The job has one architecture, and its training failed.
    """
    if tensorboard:
        find_summary_writer()  # raises before the first training, not in each
    works: dict[str, Work] = {
        name: partial(_train_one, job, name, placement.threads, tensorboard) for name in job.architectures
    }
    failures: dict[str, str] = {}
    if group.is_main:
        for name, architecture in job.architectures.items():
            claim(job.folder / name, Training(architecture, job.data, job.recipe, job.starts.get(name)))
    if group.size > 1:
        failures = _train_together(job, placement, listener, should_stop, tensorboard, group)
    elif len(works) == 1:
        for work in works.values():
            work(placement.devices[0], listener, should_stop)
    else:
        failures = _run(job, works, placement, listener, should_stop)
    models = []
    for name, architecture in job.architectures.items():
        if name not in failures and group.is_main:
            folder = job.folder / name
            models.append((str(folder), load_model(folder), cost(architecture, job.hr_size)))
    return models, failures


def _run(
    job: Job, works: Mapping[str, Work], placement: Placement, listener: Listener, should_stop: Stop
) -> dict[str, str]:
    """Do `works` and return the reasons of failures. Finished trainings are read first, in this process.

    Raises TrainingStoppedError.
    """
    to_do = dict(works)
    for name, architecture in job.architectures.items():
        if is_finished(architecture, job.data, job.recipe, job.folder / name, start=job.starts.get(name)):
            to_do.pop(name)(placement.devices[0], listener, should_stop)
    if len(placement.devices) == 1:
        failures = run_in_turn(to_do, placement.devices[0], listener, should_stop)
    else:
        failures = run_processes(to_do, placement.devices, listener, should_stop)
    if should_stop() and failures:
        done = f"{len(works) - len(failures)} of {len(works)}"
        raise TrainingStoppedError(f"{done} are trained; the same command continues with the others.")
    return failures


def _train_together(
    job: Job, placement: Placement, listener: Listener, should_stop: Stop, tensorboard: Path | None, group: Group
) -> dict[str, str]:
    """Train one architecture after the other with the processes of `group`; a divergence happens in all of them."""
    failures: dict[str, str] = {}
    for name, architecture in job.architectures.items():
        start = job.starts.get(name)
        if group.from_main(
            group.is_main and is_finished(architecture, job.data, job.recipe, job.folder / name, start=start)
        ):
            continue
        try:
            _train_one(job, name, placement.threads, tensorboard, placement.devices[0], listener, should_stop, group)
        except TrainingDivergedError as error:
            if len(job.architectures) == 1:
                raise
            failures[name] = str(error)
            listener.say(f"{name}: {error}")
    return failures


def _train_one(
    job: Job,
    name: str,
    threads: int,
    tensorboard: Path | None,
    device: torch.device,
    listener: Listener,
    should_stop: Stop,
    group: Group = ALONE,
) -> None:
    torch.set_num_threads(threads)
    with listener.training(name) as training_listener:
        model = train_fully(
            job.architectures[name],
            job.data,
            job.recipe,
            job.folder / name,
            device=device,
            start=job.starts.get(name),
            listener=training_listener,
            tensorboard=tensorboard / name if tensorboard else None,
            should_stop=should_stop,
            group=group,
        )
    metrics, baseline = model.metrics, baseline_name(model.architecture.scale)
    gain = metrics["psnr"] - metrics["bicubic_psnr"]
    skipped = metrics.get(SKIPPED, 0)
    note = f"; {skipped:,} of {job.recipe.steps:,} steps skipped at a plateau" if skipped else ""
    listener.say(f"{name}: {metrics['psnr']:.2f} dB ({gain:+.2f} over {baseline}){note}")
