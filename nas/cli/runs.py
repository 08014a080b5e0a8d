"""Commands around a search: begin it, join it, look at its front."""

import os
from typing import Annotated, Any

import torch
import typer
import yaml

from nas.budget import Budget, short
from nas.cli.terminal import OUT, SYNTHETIC, Device, HrSize, Json, LrSize, Storage, duration
from nas.errors import InputError, RunError
from nas.image_size import show_size
from nas.interrupt import StopFlag
from nas.metrics import baseline_name
from nas.report.progress import NOTES, CountDisplay, TrainingDisplay
from nas.search.run import open_run, open_run_data
from nas.search.start import Request
from nas.training.trainer import pick_device


def search(
    budget: Annotated[
        list[str] | None, typer.Option(help="The most a network may cost: 300G-MACs, 900K-params.")
    ] = None,
    data: Annotated[str | None, typer.Option(help="Folder of infrared images; default: synthetic scenes.")] = None,
    space: Annotated[str | None, typer.Option(help="A space, or a YAML file that narrows one; hybrid.")] = None,
    scale: Annotated[int | None, typer.Option(help="2, 3 or 4; of denoisers 1. Default: 2.")] = None,
    trials: Annotated[int | None, typer.Option(help="Candidates to train, over all workers.")] = None,
    time: Annotated[str | None, typer.Option(help="Begin no candidate after this long: 90s, 20m, 2h.")] = None,
    run: Annotated[str | None, typer.Option(help="Name of the run; the same name goes on with it.")] = None,
    proxy: Annotated[str | None, typer.Option(help="How candidates are scored. Default: brief.")] = None,
    recipe: Annotated[str | None, typer.Option(help="Brief recipe: a name or a YAML file. Default: brief.")] = None,
    degradation: Annotated[str | None, typer.Option(help="Makes the LR images. Default: the recipe's.")] = None,
    sampler: Annotated[str | None, typer.Option(help="tpe, nsga2, gp or random. Default: tpe.")] = None,
    fix: Annotated[list[str] | None, typer.Option(help="Hold a choice fixed: cell1.width=32.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the sampler. Default: 0.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes on this machine.")] = 1,
    hr: HrSize = None,
    lr: LrSize = None,
    storage: Storage = None,
    plugin: Annotated[
        list[str] | None, typer.Option(help="Python file with your own spaces, proxies or losses.")
    ] = None,
    skip_bad: Annotated[bool | None, typer.Option("--skip-bad", help="Leave unreadable images out.")] = None,
    device: Device = None,
) -> None:
    """Search for the best networks within a budget; the same command again goes on with the search."""
    from nas.search.room import spread_over
    from nas.search.start import start
    from nas.search.worker import Worker
    from nas.search.workers import run_workers

    seconds, where = duration(time), pick_device(device)
    request = Request(
        run, _tuple(budget), data, space, scale, proxy, recipe, sampler, trials, seed, jobs, _fixed(fix), skip_bad,
        _tuple(plugin), storage, hr, lr, degradation,
    )  # fmt: skip
    with CountDisplay("reading images") as progress:
        opened, images = start(request, where, progress=progress)
    settings = opened.settings
    _introduce(opened, images.synthetic, str(where), jobs)
    with StopFlag() as stop, TrainingDisplay() as display:
        if jobs > 1:
            reason = run_workers(opened, spread_over(where, jobs), display, stop, seconds, storage)
        else:
            torch.set_num_threads(settings.threads)
            reason = Worker(opened, images, where, display).work(stop, seconds)
    _conclude(opened, reason)


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


def _introduce(run: Any, synthetic: bool, device: str, jobs: int) -> None:
    settings = run.settings
    if synthetic:
        NOTES.print(SYNTHETIC)
    NOTES.print(
        f"Run '{settings.run}': up to {settings.trials} candidates of {settings.space_in_words} x{settings.scale} "
        f"within {', '.join(settings.budgets)} for HR {show_size(settings.hr_size)}, "
        f"{settings.recipe.steps} steps each in {settings.recipe.precision} on {device} "
        f"({jobs} x {settings.threads} threads); {baseline_name(settings.scale)} has {run.bicubic[0]:.2f} dB.",
        markup=False,
    )


def _conclude(run: Any, reason: str) -> None:
    from nas.report.front_files import write_front

    name, trained = run.settings.run, run.candidates()
    NOTES.print(f"The search ends: {reason}; {len(trained)} of {run.settings.trials} candidates are trained.")
    if trained:
        best = max(trained, key=lambda c: c.psnr)
        gain = f"{best.psnr - run.bicubic[0]:+.2f} over {baseline_name(run.settings.scale)}"
        OUT.print(
            f"Best: {best.label}, {best.psnr:.2f} dB ({gain}), {short(best.macs)} MACs "
            f"for HR {show_size(run.settings.hr_size)}",
            soft_wrap=True,
        )
        OUT.print(f"Front: {write_front(run)[0]}", soft_wrap=True)
    if reason == "done":
        OUT.print(f"Next: nas front {name} · nas train {name} --top 3 · nas dashboard {name}", soft_wrap=True)
    elif reason.endswith("failed"):
        raise RunError(f"The search gave up: {reason}, as they say above.")
    else:
        OUT.print(f"Go on with: nas search --run {name}", soft_wrap=True)


def _tuple(values: list[str] | None) -> tuple[str, ...] | None:
    return tuple(values) if values else None


def _fixed(pairs: list[str] | None) -> dict[str, Any] | None:
    if not pairs:
        return None
    split = [pair.partition("=") for pair in pairs]
    if wrong := next((name for name, equals, _ in split if not equals), None):
        raise InputError(f"--fix {wrong} lacks a value; write it as cell1.width=32.")
    return {name: yaml.safe_load(value) for name, _, value in split}
