"""Commands around a search: begin it, join it, look at its front."""

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli import STARTED
from nas.cli.plugins import given_plugins
from nas.cli.terminal import (
    LARGEST,
    MANY,
    PROCESSES,
    SYNTHETIC,
    CountsScale,
    Device,
    HrSize,
    Json,
    LatencyCommand,
    LrSize,
    SearchScale,
    SkipBad,
    Storage,
    command,
    duration,
    fixed_choices,
    rung_steps,
    say,
    several,
    show,
    show_json,
    wrote,
)
from nas.errors import RunError, StoppedError
from nas.interrupt import StopFlag
from nas.report.progress import NOTES, CountDisplay, TrainingDisplay

if TYPE_CHECKING:  # they load PyTorch and Optuna
    import torch

    from nas.search.schedule.deadline import Deadline
    from nas.search.schedule.ending import Ended
    from nas.search.start import Request


def search(
    context: typer.Context,
    budget: Annotated[
        list[str] | None, typer.Option(help="The most a network may cost: 300G-MACs, 900K-params, 64MiB-memory, 33ms.")
    ] = None,
    objectives: Annotated[
        str | None, typer.Option(help="2 to 4 of psnr, ssim, macs, params, latency, memory. Default: psnr,macs.")
    ] = None,
    data: Annotated[str | None, typer.Option(help="Folder of infrared images; default: synthetic scenes.")] = None,
    space: Annotated[str | None, typer.Option(help="A space, or a YAML file that narrows one; hybrid.")] = None,
    scale: SearchScale = None,
    trials: Annotated[int | None, typer.Option(min=1, max=MANY, help="Candidates to train, over all workers.")] = None,
    time: Annotated[str | None, typer.Option(help="Plan a new search for this long, and end by then: 20m, 2h.")] = None,
    stop_when_flat: Annotated[
        int | None,
        typer.Option(min=1, max=MANY, help="End when this many candidates in a row brought nothing."),
    ] = None,
    run: Annotated[str | None, typer.Option(help="Name of the run; the same name goes on with it.")] = None,
    recipe: Annotated[str | None, typer.Option(help="Brief recipe: a name or a YAML file. Default: brief.")] = None,
    rungs: Annotated[
        str | None, typer.Option(help="Steps after which weak candidates are paused. Default: 100,300,900 of brief.")
    ] = None,
    no_rungs: Annotated[bool, typer.Option("--no-rungs", help="Train every candidate to the end.")] = False,
    reduction: Annotated[
        int | None, typer.Option(min=1, max=MANY, help="One of this many candidates continues at a rung. Default: 3.")
    ] = None,
    degradation: Annotated[str | None, typer.Option(help="Makes the LR images. Default: the recipe's.")] = None,
    counts: CountsScale = None,
    sampler: Annotated[
        str | None,
        typer.Option(
            help="local, falsr, tpe, nsga2, nsga3, gp, spread, random. Default: local, with screen surrogate:100."
        ),
    ] = None,
    screen: Annotated[
        list[str] | None, typer.Option(help="Chooses among the sampler's candidates: surrogate:200, zico:100.")
    ] = None,
    fix: Annotated[list[str] | None, typer.Option(help="Hold a choice fixed: cell1.width=32.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, max=LARGEST, help="Seed of the sampler. Default: 0.")] = None,
    jobs: Annotated[int, typer.Option(min=1, max=PROCESSES, help="Worker processes on this machine.")] = 1,
    hr: HrSize = None,
    lr: LrSize = None,
    latency_command: LatencyCommand = None,
    latency_threads: Annotated[
        int | None, typer.Option(min=1, max=PROCESSES, help="CPU threads of a latency. Default: 1.")
    ] = None,
    storage: Storage = None,
    skip_bad: SkipBad = None,
    device: Device = None,
) -> None:
    """Search for the best networks within a budget; the same command again goes on with the search."""
    from nas.search.schedule.deadline import Deadline
    from nas.search.start import Request
    from nas.training.trainer import pick_device

    request = Request(
        run=run,
        budgets=several(budget),
        objectives=tuple(name.strip() for name in objectives.split(",")) if objectives else None,
        data=data,
        space=space,
        scale=scale,
        fixed=fixed_choices(fix),
        hr=hr,
        lr=lr,
        recipe=recipe,
        rungs=rung_steps(rungs, no_rungs=no_rungs),
        reduction=reduction,
        degradation=degradation,
        counts=counts,
        sampler=sampler,
        screens=several(screen),
        seed=seed,
        trials=trials,
        stop_when_flat=stop_when_flat,
        jobs=jobs,
        latency_command=latency_command,
        latency_threads=latency_threads,
        storage=storage,
        plugins=given_plugins(context),
        skip_bad=skip_bad,
    )
    _search(request, pick_device(device), Deadline.after(duration(time), STARTED))


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
        typer.Option(metavar="COMMAND", help="Allow this machine to execute the run's command that measures latency."),
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
    from nas.training.trainer import pick_device

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
    from nas.search.run import open_run

    limits = [Budget.parse(text) for text in under or ()]
    seen = open_run(run, storage).snapshot()  # workers go on meanwhile
    if as_json:
        show_json(summarise(seen))
        return
    show(front_table(seen))
    say(*front_lines(seen, limits))
    wrote(write_front(seen))


def _search(request: "Request", where: "torch.device", deadline: "Deadline | None") -> None:
    import torch

    from nas.parallel.placement import spread_over
    from nas.report.search_view import SearchView
    from nas.search.start import start
    from nas.search.workers.side_by_side import run_workers
    from nas.search.workers.worker import Worker

    with CountDisplay("preparing") as progress:
        run, images = start(request, where, deadline=deadline, progress=progress)
    _introduce(run, images.synthetic, str(where), request.jobs)
    with StopFlag() as stop, TrainingDisplay(SearchView(run, STARTED, deadline)) as display:
        if request.jobs > 1:
            devices = spread_over(where, request.jobs)
            ended = run_workers(run, devices, display, stop, deadline, request.storage)
        else:
            torch.set_num_threads(run.settings.threads)
            ended = Worker(run, images, where, display).work(stop, deadline)
    _conclude(run, ended)
    _exit_as(run, ended, stop)


def _introduce(run: Any, synthetic: bool, device: str, jobs: int) -> None:
    from nas.image_size import show_size
    from nas.metrics import baseline_name

    settings = run.settings
    if synthetic:
        NOTES.print(SYNTHETIC)
    count = f"{'about' if settings.is_planned else 'up to'} {settings.trials} candidates"
    NOTES.print(
        f"Run '{settings.run}': {count} of {settings.space_in_words} x{settings.scale} within "
        f"{', '.join(settings.budgets)} for HR {show_size(settings.hr_size)}, by {' and '.join(settings.objectives)}, "
        f"{run.rungs.in_words} in {settings.recipe.precision} on {device} ({jobs} x {settings.threads} threads); "
        f"{baseline_name(settings.scale)} has {run.bicubic[0]:.2f} dB."
    )


def _conclude(run: Any, ended: "Ended") -> None:
    from nas.image_size import show_size
    from nas.metrics import baseline_name
    from nas.objectives import first_quality
    from nas.report.front_files import write_front
    from nas.search.schedule.ending import Ending

    seen = run.snapshot()
    name, trained, tried = run.settings.run, seen.candidates, len(seen.known)
    fully = "" if len(trained) == tried else f", {len(trained)} of them trained to the end"
    count = tried if run.settings.is_planned else f"{tried} of {run.settings.trials}"
    NOTES.print(f"The search ends: {ended.words}; {count} candidates were tried{fully}.")
    if trained:
        quality = first_quality(run.settings.aims).name
        best = max(trained, key=lambda c: c.figures[quality])
        gain = f"{best.psnr - seen.bicubic[0]:+.2f} over {baseline_name(run.settings.scale)}"
        others = ", ".join(o.in_words(best.figures[o.name]) for o in run.settings.aims if o.name != "psnr")
        say(
            f"Best: {best.label}, {best.psnr:.2f} dB ({gain}), {others} for HR {show_size(run.settings.hr_size)}",
        )
        say(f"Front: {write_front(seen)[0]}")
    if ended.is_final and trained:
        following = (command("front", name), command("train", name, "--top", "3"), command("dashboard", name))
        say(f"Next: {' · '.join(following)}")
    elif ended.ending != Ending.ALL_FAIL and not ended.is_final:
        say(f"Go on with: {command('search', '--run', name)}")


def _exit_as(run: Any, ended: "Ended", stop: StopFlag) -> None:
    """Raise what makes the command's exit code say how the search ended; return where it ended well."""
    from nas.search.schedule.ending import Ending

    if ended.ending == Ending.STOPPED:
        words = "The search was stopped; the same command goes on with it."
        raise StoppedError(words) if stop.by_ctrl_c else RunError(words)
    if ended.ending == Ending.ALL_FAIL:
        raise RunError(f"The search gave up: {ended.words}; what each said stands above.")
    if ended.is_final and not run.candidates():
        raise RunError(
            "None of the candidates could be trained to the end; what each said stands above. A recipe with a smaller "
            "learning rate, or another --space, may help."
        )
