"""Commands on a search: start it, join it, show its front."""

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli import STARTED
from nas.cli.options import of_request
from nas.cli.plugins import given_plugins
from nas.cli.terminal import (
    SYNTHETIC,
    Device,
    Json,
    Storage,
    command,
    duration,
    say,
    show,
    show_json,
    wrote,
)
from nas.errors import InputError
from nas.interrupt import StopFlag
from nas.report.progress import NOTES, CountDisplay, TrainingDisplay
from nas.search.option import FIRST, LARGEST, TRAINING
from nas.search.request import Request

FIRST_LOOK = "5m"
"""The time of a new search on the embedded scenes if the user says nothing about its length."""

if TYPE_CHECKING:  # these load PyTorch and Optuna
    import torch

    from nas.search.schedule.deadline import Deadline
    from nas.search.schedule.ending import Ended


@of_request
def search(
    context: typer.Context,
    request: Request,
    *,
    time: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            rich_help_panel=FIRST,
            help="Plan a new search for this long, and end by then: 90s, 20m, 2h. Default: none; 5m without --data.",
        ),
    ] = None,
    no_rungs: Annotated[
        bool, typer.Option("--no-rungs", rich_help_panel=TRAINING, help="Train every candidate to the end.")
    ] = False,
    device: Device = None,
) -> None:
    """Search for the best networks within a budget; the same command again continues the search."""
    from nas.search.schedule.deadline import Deadline
    from nas.search.start import is_first_look
    from nas.training.devices import pick_device

    if no_rungs and request.rungs:
        raise InputError("--rungs and --no-rungs exclude each other; give one of them.")
    asked = replace(request, plugins=given_plugins(context), rungs=() if no_rungs else request.rungs)
    hint = ""
    if time is None and is_first_look(asked):
        time = FIRST_LOOK
        hint = f"A first look of {FIRST_LOOK}, since neither --data nor --time is given; --time 20m looks longer."
    _search(asked, pick_device(device), Deadline.after(duration(time), STARTED), hint)


def worker(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="A run of this machine. Default: the --study of --storage.")
    ] = None,
    storage: Storage = None,
    study: Annotated[str | None, typer.Option(help="Name of the study in --storage. Default: that of RUN.")] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Folder of the run's images on this machine. Default: as the run says."),
    ] = None,
    number: Annotated[
        int | None,
        typer.Option(
            min=0, max=LARGEST, help="Number of this worker; each number draws other samples. Default: the process's."
        ),
    ] = None,
    time: Annotated[
        str | None, typer.Option(help="End after this time: 90s, 20m, 2h. Default: with the search.")
    ] = None,
    latency_command: Annotated[
        str | None,
        typer.Option(metavar="COMMAND", help="Allow this machine to execute the run's latency command."),
    ] = None,
    device: Device = None,
) -> None:
    """Join a search from this or another machine."""
    import torch

    from nas.plugins.given import give_command
    from nas.report.search_view import SearchView
    from nas.search.run import open_run_data
    from nas.search.schedule.deadline import Deadline
    from nas.search.workers.join import join
    from nas.search.workers.worker import Worker
    from nas.training.devices import pick_device

    if latency_command:
        give_command(latency_command)
    opened = join(run, storage, study)
    images = open_run_data(opened, data)
    torch.set_num_threads(opened.settings.threads)
    share, deadline = os.getpid() if number is None else number, Deadline.after(duration(time), STARTED)
    with StopFlag() as stop, TrainingDisplay(SearchView(opened, STARTED, deadline)) as display:
        ended = Worker(opened, images, pick_device(device), display, share).work(stop, deadline)
    NOTES.print(f"This worker ends: {ended.words}.", markup=False)
    _exit_as(opened, ended, stop)


def front(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run of this machine, by its name or folder.")],
    under: Annotated[
        list[str] | None,
        typer.Option(metavar="BUDGET", help="Also name the best network within this budget, e.g. 50G-MACs."),
    ] = None,
    storage: Storage = None,
    as_json: Json = False,
) -> None:
    """Show the Pareto front of a run as a table and as plots, beside the published networks."""
    from nas.budget import Budget
    from nas.report.front_files import summarise, write_front
    from nas.report.front_text import front_lines, front_table
    from nas.report.hand_made import gain_lines
    from nas.search.run import open_run

    opened = open_run(run, storage)
    limits = [Budget.parse(text) for text in under or ()]  # after `open_run`: the run's plugin may have the objective
    snapshot = opened.snapshot()  # workers continue meanwhile
    if as_json:
        show_json(summarise(snapshot, limits))
        return
    show(front_table(snapshot))
    say(*front_lines(snapshot, limits), *gain_lines(snapshot, opened.folder.parent))
    wrote(write_front(snapshot))


def runs(as_json: Json = False) -> None:
    """List the runs in results, the one that changed last first."""
    from nas.jobs.run_list import list_runs
    from nas.report.run_list import fault_lines, run_data, run_table

    found = list_runs()
    if as_json:
        show_json(run_data(found))
    elif found:
        show(run_table(found))
        say(*fault_lines(found))
    else:
        say("There are no runs in results; nas search starts one.")


def _search(request: "Request", where: "torch.device", deadline: "Deadline | None", hint: str) -> None:
    from nas.api.searching import work_on
    from nas.report.search_view import SearchView
    from nas.search.start import start

    with CountDisplay("preparing") as progress:
        run, images = start(request, where, deadline=deadline, progress=progress)
    if hint:
        NOTES.print(hint)
    _introduce(run, images.synthetic, str(where), request.jobs)
    with StopFlag() as stop, TrainingDisplay(SearchView(run, STARTED, deadline)) as display:
        ended = work_on(
            run, images, where, display, stop, jobs=request.jobs, deadline=deadline, storage=request.storage
        )
    _conclude(run, ended)
    _exit_as(run, ended, stop)


def _introduce(run: Any, synthetic: bool, device: str, jobs: int) -> None:
    from nas.image_size import show_size
    from nas.metrics import baseline_name

    settings = run.settings
    if synthetic:
        NOTES.print(SYNTHETIC)
    count = f"{'about' if settings.is_planned else 'up to'} {settings.trials} candidates"
    budgets, objectives = map(str, settings.budgets), (objective.name for objective in settings.objectives)
    NOTES.print(
        f"Run '{settings.run}': {count} of {settings.space_in_words} x{settings.scale} within "
        f"{', '.join(budgets)} for HR {show_size(settings.hr_size)}, by {' and '.join(objectives)}, "
        f"{run.rungs.in_words} in {settings.recipe.precision} on {device} ({jobs} x {settings.threads} threads); "
        f"{baseline_name(settings.scale)} has {run.bicubic[0]:.2f} dB."
    )


def _conclude(run: Any, ended: "Ended") -> None:
    from nas.image_size import show_size
    from nas.metrics import baseline_name
    from nas.objectives import first_quality
    from nas.report.front_files import write_front
    from nas.search.schedule.ending import Ending

    snapshot = run.snapshot()
    name, trained, tried = run.settings.run, snapshot.candidates, len(snapshot.measured)
    fully = "" if len(trained) == tried else f", {len(trained)} of them trained to the end"
    count = tried if run.settings.is_planned else f"{tried} of {run.settings.trials}"
    NOTES.print(f"The search ends: {ended.words}; {count} candidates were tried{fully}.")
    if trained:
        quality = first_quality(run.settings.objectives).name
        best = max(trained, key=lambda c: c.figures[quality])
        gain = f"{best.psnr - snapshot.bicubic[0]:+.2f} over {baseline_name(run.settings.scale)}"
        others = ", ".join(o.in_words(best.figures[o.name]) for o in run.settings.objectives if o.name != "psnr")
        say(
            f"Best: {best.label}, {best.psnr:.2f} dB ({gain}), {others} for HR {show_size(run.settings.hr_size)}",
        )
        say(f"Front: {write_front(snapshot)[0]}")
    if ended.is_final and trained:
        following = (command("front", name), command("train", name), command("dashboard", name))
        say(f"Next: {' · '.join(following)}")
    elif ended.ending != Ending.ALL_FAIL and not ended.is_final:
        say(f"Continue with: {command('search', '--run', name)}")


def _exit_as(run: Any, ended: "Ended", stop: StopFlag) -> None:
    """Raise the error that gives the exit code of a search that was stopped or failed; return after a good end."""
    from nas.api.searching import check_end, stop_error
    from nas.search.schedule.ending import Ending

    if ended.ending == Ending.STOPPED:
        raise stop_error(by_ctrl_c=stop.by_ctrl_c)
    check_end(run, ended)
