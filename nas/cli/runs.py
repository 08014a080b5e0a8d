"""Commands around a search: begin it, join it, look at its front."""

import os
from typing import Annotated, Any

import torch
import typer

from nas.budget import Budget
from nas.cli.terminal import (
    OUT,
    SYNTHETIC,
    Device,
    HrSize,
    Json,
    LatencyCommand,
    LrSize,
    Storage,
    duration,
    fixed_choices,
    several,
)
from nas.errors import RunError
from nas.image_size import show_size
from nas.interrupt import StopFlag
from nas.metrics import baseline_name
from nas.objectives import first_quality
from nas.report.progress import NOTES, CountDisplay, TrainingDisplay
from nas.search.run import open_run, open_run_data
from nas.search.start import Request
from nas.training.trainer import pick_device


def search(
    budget: Annotated[
        list[str] | None, typer.Option(help="The most a network may cost: 300G-MACs, 900K-params, 64MiB-memory, 33ms.")
    ] = None,
    objectives: Annotated[
        str | None, typer.Option(help="2 to 4 of psnr, ssim, macs, params, latency, memory. Default: psnr,macs.")
    ] = None,
    data: Annotated[str | None, typer.Option(help="Folder of infrared images; default: synthetic scenes.")] = None,
    space: Annotated[str | None, typer.Option(help="A space, or a YAML file that narrows one; hybrid.")] = None,
    scale: Annotated[int | None, typer.Option(help="2, 3 or 4; of denoisers 1. Default: 2.")] = None,
    trials: Annotated[int | None, typer.Option(help="Candidates to train, over all workers.")] = None,
    time: Annotated[str | None, typer.Option(help="Plan a new search for this long, and end by then: 20m, 2h.")] = None,
    stop_when_flat: Annotated[
        int | None, typer.Option(min=1, help="End when so many candidates in a row brought the front nothing.")
    ] = None,
    run: Annotated[str | None, typer.Option(help="Name of the run; the same name goes on with it.")] = None,
    proxy: Annotated[
        str | None, typer.Option(help="How candidates are scored: brief or halving. Default: halving.")
    ] = None,
    recipe: Annotated[str | None, typer.Option(help="Brief recipe: a name or a YAML file. Default: brief.")] = None,
    degradation: Annotated[str | None, typer.Option(help="Makes the LR images. Default: the recipe's.")] = None,
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
    seed: Annotated[int | None, typer.Option(help="Seed of the sampler. Default: 0.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes on this machine.")] = 1,
    hr: HrSize = None,
    lr: LrSize = None,
    latency_command: LatencyCommand = None,
    latency_threads: Annotated[int | None, typer.Option(min=1, help="CPU threads of a latency. Default: 1.")] = None,
    storage: Storage = None,
    plugin: Annotated[
        list[str] | None, typer.Option(help="Python file with your own spaces, proxies or losses.")
    ] = None,
    skip_bad: Annotated[bool | None, typer.Option("--skip-bad", help="Leave unreadable images out.")] = None,
    device: Device = None,
) -> None:
    """Search for the best networks within a budget; the same command again goes on with the search."""
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
        proxy=proxy,
        recipe=recipe,
        degradation=degradation,
        sampler=sampler,
        screens=several(screen),
        seed=seed,
        trials=trials,
        seconds=duration(time),
        stop_when_flat=stop_when_flat,
        jobs=jobs,
        latency_command=latency_command,
        latency_threads=latency_threads,
        storage=storage,
        plugins=several(plugin),
        skip_bad=skip_bad,
    )
    _search(request, pick_device(device))


def worker(
    run: Annotated[str | None, typer.Argument(help="A run of this machine.")] = None,
    storage: Storage = None,
    study: Annotated[str | None, typer.Option(help="Name of the study in --storage.")] = None,
    data: Annotated[str | None, typer.Option(help="Where the run's images lie on this machine.")] = None,
    number: Annotated[int | None, typer.Option(help="Number of this worker: each draws its own samples.")] = None,
    time: Annotated[str | None, typer.Option(help="Begin no candidate after this long: 90s, 20m, 2h.")] = None,
    device: Device = None,
) -> None:
    """Join a search from this or another machine."""
    from nas.search.join import join
    from nas.search.worker import Worker

    opened = join(run, storage, study)
    images = open_run_data(opened, data)
    torch.set_num_threads(opened.settings.threads)
    with StopFlag() as stop, TrainingDisplay() as display:
        share = os.getpid() if number is None else number
        reason = Worker(opened, images, pick_device(device), display, share).work(stop, duration(time))
    NOTES.print(f"This worker ends: {reason}.")


def front(
    run: str,
    under: Annotated[list[str] | None, typer.Option(help="Also name the best network within: 50G-MACs.")] = None,
    storage: Storage = None,
    as_json: Json = False,
) -> None:
    """Show the Pareto front of a run as a table and as plots, beside the published networks."""
    from nas.report.front_files import summarise, write_front
    from nas.report.front_text import front_lines, front_table

    limits = [Budget.parse(text) for text in under or ()]
    opened = open_run(run, storage)
    if as_json:
        OUT.print_json(data=summarise(opened))
        return
    OUT.print(front_table(opened))
    for line in front_lines(opened, limits):
        OUT.print(line, soft_wrap=True, markup=False)
    for path in write_front(opened):
        OUT.print(f"Wrote {path}", soft_wrap=True)


def _search(request: Request, where: torch.device) -> None:
    from nas.search.room import spread_over
    from nas.search.start import start
    from nas.search.worker import Worker
    from nas.search.workers import run_workers

    with CountDisplay("preparing") as progress:
        run, images = start(request, where, progress=progress)
    _introduce(run, images.synthetic, str(where), request.jobs)
    with StopFlag() as stop, TrainingDisplay() as display:
        if request.jobs > 1:
            devices = spread_over(where, request.jobs)
            reason = run_workers(run, devices, display, stop, request.seconds, request.storage)
        else:
            torch.set_num_threads(run.settings.threads)
            reason = Worker(run, images, where, display).work(stop, request.seconds)
    _conclude(run, reason)


def _introduce(run: Any, synthetic: bool, device: str, jobs: int) -> None:
    settings = run.settings
    if synthetic:
        NOTES.print(SYNTHETIC)
    NOTES.print(
        f"Run '{settings.run}': up to {settings.trials} candidates of {settings.space_in_words} x{settings.scale} "
        f"within {', '.join(settings.budgets)} for HR {show_size(settings.hr_size)}, "
        f"by {' and '.join(settings.objectives)}, {run.ladder.in_words} in {settings.recipe.precision} on {device} "
        f"({jobs} x {settings.threads} threads); {baseline_name(settings.scale)} has {run.bicubic[0]:.2f} dB.",
        markup=False,
    )


def _conclude(run: Any, reason: str) -> None:
    from nas.report.front_files import write_front
    from nas.search.growth import FLAT

    name, trained, tried = run.settings.run, run.candidates(), len(run.known())
    fully = "" if len(trained) == tried else f", {len(trained)} of them trained to the end"
    NOTES.print(f"The search ends: {reason}; {tried} of {run.settings.trials} candidates were tried{fully}.")
    if trained:
        quality = first_quality(run.settings.aims).name
        best = max(trained, key=lambda c: c.figures[quality])
        gain = f"{best.psnr - run.bicubic[0]:+.2f} over {baseline_name(run.settings.scale)}"
        others = ", ".join(o.in_words(best.figures[o.name]) for o in run.settings.aims if o.name != "psnr")
        OUT.print(
            f"Best: {best.label}, {best.psnr:.2f} dB ({gain}), {others} for HR {show_size(run.settings.hr_size)}",
            soft_wrap=True,
        )
        OUT.print(f"Front: {write_front(run)[0]}", soft_wrap=True)
    if reason == "done" or reason.startswith(FLAT):
        OUT.print(f"Next: nas front {name} · nas train {name} --top 3 · nas dashboard {name}", soft_wrap=True)
    elif reason.endswith("failed"):
        raise RunError(f"The search gave up: {reason}, as they say above.")
    else:
        OUT.print(f"Go on with: nas search --run {name}", soft_wrap=True)
