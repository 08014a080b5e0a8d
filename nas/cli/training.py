"""The command that trains networks fully."""

from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli.terminal import (
    OUT,
    SYNTHETIC,
    CountsScale,
    Device,
    PointScale,
    SkipBad,
    Storage,
    check_target,
    say,
    show,
)
from nas.errors import RunError
from nas.interrupt import StopFlag
from nas.report.progress import NOTES, TrainingDisplay
from nas.report.whole import Counted
from nas.search.option import IMAGES, MACHINE, MANY, NETWORKS, PROCESSES, TRAINING

if TYPE_CHECKING:  # these load PyTorch
    from nas.jobs.forecast import Forecast
    from nas.jobs.full_training import Done
    from nas.jobs.training_plan import Job
    from nas.parallel.placement import Placement


def train(
    what: Annotated[
        list[str], typer.Argument(metavar="RUN|ARCH...", help="A run, for networks of its front, or architectures.")
    ],
    top: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MANY,
            rich_help_panel=NETWORKS,
            help="Networks to take of a run's front, spread over its range; 1: the best. Default: the knee, and the "
            "best within the budget and within half of it.",
        ),
    ] = None,
    knee: Annotated[
        bool, typer.Option("--knee", rich_help_panel=NETWORKS, help="Take the knee of a run's front.")
    ] = False,
    under: Annotated[
        list[str] | None,
        typer.Option(
            metavar="BUDGET",
            rich_help_panel=NETWORKS,
            help="Take the best network of a run within this budget, e.g. 5G-MACs; repeatable.",
        ),
    ] = None,
    scale: PointScale = None,
    recipe: Annotated[
        str, typer.Option(rich_help_panel=TRAINING, help="How to train: a recipe's name or YAML file.")
    ] = "full",
    steps: Annotated[
        int | None,
        typer.Option(min=1, max=MANY, rich_help_panel=TRAINING, help="Number of steps. Default: the recipe's."),
    ] = None,
    tensorboard: Annotated[
        str | None,
        typer.Option(
            metavar="DIR", rich_help_panel=TRAINING, help="Folder of a log for TensorBoard. Default: no such log."
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            rich_help_panel=IMAGES,
            help="Folder of images. Default: the run's, also for RUN:TRIAL; else synthetic scenes.",
        ),
    ] = None,
    degradation: Annotated[
        str | None,
        typer.Option(rich_help_panel=IMAGES, help="Makes the LR images: a name or a YAML file. Default: the recipe's."),
    ] = None,
    counts: CountsScale = None,
    skip_bad: SkipBad = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1, max=PROCESSES, rich_help_panel=MACHINE, help="Networks at a time. Default: as many as fit."
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1, max=PROCESSES, rich_help_panel=MACHINE, help="CPU threads of each network. Default: a fair share."
        ),
    ] = None,
    storage: Storage = None,
    device: Device = None,
) -> None:
    """Train a run's front, or named architectures, fully; the same command again continues."""
    from nas.jobs.full_training import train_job
    from nas.jobs.training_plan import plan_training
    from nas.training.devices import pick_device
    from nas.training.group import joined_group

    logs = check_target(tensorboard, "--tensorboard", folder=True)
    with joined_group() as group:
        NOTES.quiet = OUT.quiet = not group.is_main
        where = group.own_device(pick_device(device))
        with group.main_first():
            job = plan_training(
                what,
                where,
                top=top,
                knee=knee,
                under=under or (),
                recipe=recipe,
                steps=steps,
                degradation=degradation,
                counts=counts,
                data=data,
                scale=scale,
                storage=storage,
                skip_bad=skip_bad,
            )
        _announce(job)
        whole = Counted(len(job.architectures), "networks") if len(job.architectures) > 1 else None
        with StopFlag() as stop, TrainingDisplay(whole) as display:
            done = train_job(
                job,
                where,
                display,
                stop,
                jobs=jobs,
                threads=threads,
                tensorboard=logs,
                group=group,
                introduce=lambda placement, forecast: _introduce(placement, forecast, len(job.architectures)),
            )
    _conclude(job, done)


def _announce(job: "Job") -> None:
    """Print the notes of a job before its trainings, and which networks of a front it trains and why."""
    if job.data.synthetic:
        NOTES.print(SYNTHETIC)
    for note in job.notes:
        NOTES.print(f"Note: {note}")
    for picked in job.picks:
        NOTES.print(picked)


def _conclude(job: "Job", done: "Done") -> None:
    """Print the trained networks. Raises RunError if a training failed."""
    from nas.report.model_tables import trained_table

    if done.models:
        show(trained_table(done.models, f"In {job.folder}, trained by the recipe '{job.recipe.name}'"))
        say(f"Wrote {done.summary}")
    if done.failures:
        raise RunError(f"{', '.join(done.failures)} failed, see the messages above; the same command tries again.")


def _introduce(placement: "Placement", forecast: "Forecast | None", count: int) -> None:
    """Print how the networks are trained, and how long it will take."""
    from nas.report.forecast import in_words

    if count > 1:
        NOTES.print(placement.describe(count))
    if forecast is not None:
        NOTES.print(f"{in_words(forecast)}.")
