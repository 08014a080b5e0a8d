"""The command `nas`: parse, call, print."""

import os
import re
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
import yaml
from rich.console import Console

from nas import __version__
from nas.budget import Budget, short
from nas.cost import cost as cost_of
from nas.cost import thop_macs
from nas.errors import InputError, RunError
from nas.interrupt import StopFlag
from nas.report.progress import NOTES, CountDisplay, TrainingDisplay
from nas.search.run import RESULTS, load_plugins, open_run, open_run_data
from nas.search.start import Request
from nas.training.trainer import pick_device
from search_spaces import SPACES, SpaceError, UnknownNameError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
data_app = typer.Typer(no_args_is_help=True, help="Look at a folder of images.")
app.add_typer(data_app, name="data")
OUT = Console(highlight=False)

Device = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1 …; default: a GPU where there is one.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Storage = Annotated[str | None, typer.Option(help="SQLAlchemy URL of the study; default: study.db in the run.")]


def main() -> None:
    """Run the command line; what a user did wrong ends with one sentence and exit code 2, a failure with 1."""
    warnings.showwarning = lambda message, *_args, **_kwargs: NOTES.print(f"Note: {message}", markup=False)
    warnings.filterwarnings("ignore", module="torch|optuna|onnx.*")
    try:
        app()
    except (InputError, SpaceError, UnknownNameError) as error:
        NOTES.print(f"Error: {error}", markup=False)
        sys.exit(2)
    except RunError as error:
        NOTES.print(f"Error: {error}", markup=False)
        sys.exit(1)


@app.callback(invoke_without_command=True, no_args_is_help=True)
def options(
    show: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    plugin: Annotated[list[str] | None, typer.Option(help="Python file with your own spaces or proxies.")] = None,
) -> None:
    """Search super-resolution networks for infrared cameras, within a compute budget."""
    load_plugins(tuple(plugin or ()))
    if show:
        OUT.print(__version__)
        raise typer.Exit


@app.command()
def search(
    budget: Annotated[
        list[str] | None, typer.Option(help="The most a network may cost: 300G-MACs, 900K-params.")
    ] = None,
    data: Annotated[str | None, typer.Option(help="Folder of infrared images; default: synthetic scenes.")] = None,
    space: Annotated[str | None, typer.Option(help="What to search; see `nas spaces`. Default: falsr.")] = None,
    scale: Annotated[int | None, typer.Option(help="2, 3 or 4. Default: 2.")] = None,
    trials: Annotated[int | None, typer.Option(help="Candidates to train, over all workers.")] = None,
    time: Annotated[str | None, typer.Option(help="Begin no candidate after this long: 90s, 20m, 2h.")] = None,
    run: Annotated[str | None, typer.Option(help="Name of the run; the same name goes on with it.")] = None,
    proxy: Annotated[str | None, typer.Option(help="How candidates are scored. Default: brief.")] = None,
    recipe: Annotated[str | None, typer.Option(help="Brief recipe: a name or a YAML file. Default: brief.")] = None,
    sampler: Annotated[str | None, typer.Option(help="tpe, nsga2, gp or random. Default: tpe.")] = None,
    fix: Annotated[list[str] | None, typer.Option(help="Hold a choice fixed: cell1.width=32.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the sampler. Default: 0.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes on this machine.")] = 1,
    storage: Storage = None,
    plugin: Annotated[list[str] | None, typer.Option(help="Python file with your own spaces or proxies.")] = None,
    skip_bad: Annotated[bool | None, typer.Option("--skip-bad", help="Leave unreadable images out.")] = None,
    device: Device = None,
) -> None:
    """Search for the best networks within a budget; the same command again goes on with the search."""
    from nas.search.pool import run_workers
    from nas.search.start import start
    from nas.search.worker import Worker

    seconds, where = _seconds(time), pick_device(device)
    request = Request(
        run, _tuple(budget), data, space, scale, proxy, recipe, sampler, trials, seed, jobs, _fixed(fix), skip_bad,
        _tuple(plugin), storage,
    )  # fmt: skip
    with CountDisplay("reading images") as progress:
        opened, images = start(request, where, progress=progress)
    settings = opened.settings
    _introduce(opened, images.synthetic, str(where), jobs)
    with StopFlag() as stop:
        if jobs > 1:
            reason = run_workers(opened, jobs, str(where), stop, seconds, storage)
        else:
            torch.set_num_threads(settings.threads)
            with TrainingDisplay() as display:
                reason = Worker(opened, images, where, display).work(stop, seconds)
    _conclude(opened, reason)


@app.command()
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
        reason = Worker(opened, images, pick_device(device), display, share).work(stop, _seconds(time))
    NOTES.print(f"This worker ends: {reason}.")


@app.command()
def front(
    run: str,
    under: Annotated[list[str] | None, typer.Option(help="Also name the best network within: 50G-MACs.")] = None,
    storage: Storage = None,
    as_json: Json = False,
) -> None:
    """Show the Pareto front of a run as a table and as plots, beside the published networks."""
    from nas.report.front_files import summarise, write_front
    from nas.report.tables import front_table
    from nas.search.front import best_under, knee, pareto_front

    limits = [Budget.parse(text) for text in under or ()]
    opened = open_run(run, storage)
    if as_json:
        OUT.print_json(data=summarise(opened))
        return
    trained = opened.candidates()
    members, summary = pareto_front(trained), summarise(opened)
    bend = knee(members)
    marks = {c.trial: "dominated" for c in trained if c.published} | {c.trial: "front" for c in members}
    marks |= {bend.trial: "front, knee"} if bend else {}
    shown = [c for c in trained if c in members or c.published]
    title = f"Front of {opened.settings.run} ({len(trained)} trained)"
    OUT.print(front_table(sorted(shown, key=lambda c: c.macs), opened.bicubic[0], marks, title))
    if fixed := opened.settings.fixed:
        held = ", ".join(f"{name}={value}" for name, value in fixed.items())
        OUT.print(f"Held fixed, in the published networks too: {held}.", soft_wrap=True)
    reference: Any = summary["hypervolume_reference"]
    OUT.print(f"Protocol: {opened.protocol.describe()}; bicubic {opened.bicubic[0]:.2f} dB.", soft_wrap=True)
    OUT.print(
        f"Hypervolume {summary['hypervolume']:.1f} dB·G against {reference['psnr']:.2f} dB "
        f"at {short(reference['macs'])} MACs.",
        soft_wrap=True,
    )
    for limit in limits:
        best = best_under(trained, limit)
        OUT.print(f"Best within {limit}: {f'{best.label}, {best.psnr:.2f} dB' if best else 'none'}")
    for path in write_front(opened):
        OUT.print(f"Wrote {path}", soft_wrap=True)


@app.command()
def train(
    what: Annotated[list[str], typer.Argument(metavar="RUN|ARCH...", help="A run (its front), or architectures.")],
    top: Annotated[int, typer.Option(min=1, help="How many networks of a run's front.")] = 3,
    recipe: Annotated[str, typer.Option(help="A recipe's name or YAML file.")] = "full",
    steps: Annotated[int | None, typer.Option(min=1, help="Train for so many steps instead.")] = None,
    data: Annotated[str | None, typer.Option(help="Folder of images; default: the run's.")] = None,
    scale: Annotated[int, typer.Option(help="Scale of published points.")] = 2,
    storage: Storage = None,
    device: Device = None,
) -> None:
    """Train a run's front, or named architectures, fully; the same command again goes on."""
    from nas.report.tables import trained_table
    from nas.search.training import plan, train_all

    where = pick_device(device)
    job = plan(what, where, top=top, recipe=recipe, steps=steps, data=data, scale=scale, storage=storage)
    if job.data.synthetic:
        NOTES.print(_SYNTHETIC)
    with StopFlag() as stop, TrainingDisplay() as display:
        models = train_all(job, where, display, stop)
    OUT.print(trained_table(models, f"In {job.folder}, trained by the recipe '{job.recipe.name}'"))
    OUT.print(f"Wrote {job.write_summary(models)}", soft_wrap=True)


@app.command()
def evaluate(
    models: Annotated[list[str], typer.Argument(help="Model directories.")],
    data: Annotated[str, typer.Option(help="Folder of images.")],
    as_json: Json = False,
    device: Device = None,
) -> None:
    """Measure models on a folder of images: PSNR and SSIM, gray, rounded, shaved by the scale."""
    from nas.report.tables import evaluation_table
    from nas.training.evaluation import compare

    where = pick_device(device)
    with CountDisplay("measuring") as progress:
        rows, protocol = compare([Path(m) for m in models], Path(data), RESULTS / "cache", where, progress)
    if as_json:
        figures = {name: {"psnr": m.psnr, "ssim": m.ssim} for name, m in rows}
        OUT.print_json(data={"protocol": protocol.to_dict(), "results": figures})
        return
    OUT.print(evaluation_table(rows, f"On {data}"))
    OUT.print(f"Protocol: {protocol.describe()}.", soft_wrap=True)


@app.command()
def export(model: str, to: Annotated[str, typer.Option(help="A new folder.")]) -> None:
    """Export a model: architecture, weights, ONNX and the recipe to train it again, each verified."""
    from nas.deploy.export import export as export_model
    from nas.model import load_model

    done = export_model(load_model(Path(model)), Path(to))
    for path in done.files:
        OUT.print(f"Wrote {path}", soft_wrap=True)
    OUT.print(
        f"ONNX Runtime and PyTorch differ by at most {done.onnx_difference:.1e} of the range 0..1.", soft_wrap=True
    )
    OUT.print(f"Train it again: {done.command}", soft_wrap=True)


@app.command()
def upscale(
    model: str,
    source: str,
    target: str,
    tile: Annotated[int, typer.Option(min=1, help="Side of a tile in LR pixels.")] = 256,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    device: Device = None,
) -> None:
    """Upscale an image or a folder of images; 8 bit stays 8 bit, 16 bit stays 16."""
    from nas.deploy.upscale import upscale_files
    from nas.model import load_model

    loaded, where = load_model(Path(model)), pick_device(device)
    with CountDisplay("upscaling") as progress:
        paths = upscale_files(
            loaded, Path(source), Path(target), tile=tile, device=where, overwrite=overwrite, progress=progress
        )
    OUT.print(f"Wrote {paths[0]}" if len(paths) == 1 else f"Wrote {len(paths)} images to {target}", soft_wrap=True)


@app.command()
def cost(
    architectures: Annotated[list[str], typer.Argument(metavar="ARCH...", help="SPACE/POINT, RUN:TRIAL or a path.")],
    scale: Annotated[int, typer.Option(help="Scale of published points.")] = 2,
    as_json: Json = False,
) -> None:
    """Count parameters and multiply-adds for one 1280x720 HR image, beside thop's count and the published figures."""
    from nas.report.tables import cost_table
    from nas.search.reference import resolve

    named = [resolve(name, scale) for name in architectures]
    rows = [(r, cost_of(r.architecture), thop_macs(r.architecture)) for r in named]
    if as_json:
        OUT.print_json(data={r.label: c.to_dict() | {"thop_macs": thop} for r, c, thop in rows})
        return
    OUT.print(cost_table(rows, "Cost for one 1280x720 HR image"))
    for r, _, _ in rows:
        if r.published:
            said = r.published.paper
            note = f"; {said.note}" if said.note else ""
            OUT.print(f"{r.label}: published in {said.source} for {said.at}{note}.", soft_wrap=True)


@app.command()
def spaces(name: Annotated[str | None, typer.Argument(help="A space.")] = None, as_json: Json = False) -> None:
    """List the search spaces, or the choices of one."""
    from nas.report.tables import space_table, spaces_table

    if as_json:
        chosen = [SPACES.get(name)] if name else list(SPACES)
        OUT.print_json(data={s.name: {k: list(v) for k, v in s.parameters().items()} for s in chosen})
        return
    OUT.print(space_table(SPACES.get(name)) if name else spaces_table())


@data_app.command()
def check(
    folder: str,
    scale: Annotated[int, typer.Option(help="Scale of the bicubic figures.")] = 2,
    patch: Annotated[int, typer.Option(help="LR patch that training images must hold.")] = 32,
    as_json: Json = False,
) -> None:
    """Say what is in a data set and what is wrong with it; exit code 1 when something is."""
    from nas.data.check import check_folder
    from nas.report.tables import data_faults, data_table

    with CountDisplay("checking") as progress:
        report = check_folder(Path(folder), scale=scale, patch=patch, progress=progress)
    if as_json:
        OUT.print_json(data=report.to_dict())
    else:
        OUT.print(data_table(report))
        for line in data_faults(report):
            OUT.print(line, markup=False, soft_wrap=True)
    if not report.is_clean:
        raise typer.Exit(1)


@app.command()
def dashboard(
    run: str,
    host: Annotated[str, typer.Option(help="Another than this machine needs a password.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8080,
    password: Annotated[str | None, typer.Option(envvar="NAS_DASHBOARD_PASSWORD", help="Asked by the browser.")] = None,
    storage: Storage = None,
) -> None:
    """Show a run in Optuna Dashboard until Ctrl-C."""
    from nas.report.dashboard import check_host, dashboard_app, serve

    check_host(host, password)
    opened = open_run(run, storage)
    NOTES.print(f"Optuna Dashboard of '{opened.settings.run}': http://{host}:{port}/ (Ctrl-C ends it)")
    serve(dashboard_app(opened.storage, opened.folder / "artifacts", password), host, port)


_SYNTHETIC = (
    "No --data given: these are SYNTHETIC thermal scenes, to try things out. Give your own images with --data DIR."
)


def _introduce(run: Any, synthetic: bool, device: str, jobs: int) -> None:
    settings = run.settings
    if synthetic:
        NOTES.print(_SYNTHETIC)
    NOTES.print(
        f"Run '{settings.run}': up to {settings.trials} candidates of '{settings.space}' x{settings.scale} within "
        f"{', '.join(settings.budgets)}, {settings.recipe.steps} steps each in {settings.recipe.precision} "
        f"on {device} ({jobs} x {settings.threads} threads); bicubic has {run.bicubic[0]:.2f} dB.",
        markup=False,
    )


def _conclude(run: Any, reason: str) -> None:
    from nas.report.front_files import write_front

    name, trained = run.settings.run, run.candidates()
    NOTES.print(f"The search ends: {reason}; {len(trained)} of {run.settings.trials} candidates are trained.")
    if trained:
        best = max(trained, key=lambda c: c.psnr)
        gain = best.psnr - run.bicubic[0]
        OUT.print(f"Best: {best.label}, {best.psnr:.2f} dB ({gain:+.2f} over bicubic), {short(best.macs)} MACs")
        OUT.print(f"Front: {write_front(run)[0]}", soft_wrap=True)
    if reason == "done":
        OUT.print(f"Next: nas front {name} · nas train {name} --top 3 · nas dashboard {name}", soft_wrap=True)
    elif reason.endswith("failed"):
        raise RunError(f"The search gave up: {reason}, as they say above.")
    else:
        OUT.print(f"Go on with: nas search --run {name}", soft_wrap=True)


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh])", text.strip())
    if not match:
        raise InputError(f"'{text}' is not a time; write it as 90s, 20m or 2h.")
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]


def _tuple(values: list[str] | None) -> tuple[str, ...] | None:
    return tuple(values) if values else None


def _fixed(pairs: list[str] | None) -> dict[str, Any] | None:
    if not pairs:
        return None
    split = [pair.partition("=") for pair in pairs]
    if wrong := next((name for name, equals, _ in split if not equals), None):
        raise InputError(f"--fix {wrong} lacks a value; write it as cell1.width=32.")
    return {name: yaml.safe_load(value) for name, _, value in split}
