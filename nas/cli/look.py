"""Commands that show something: spaces, costs, images, the dashboard of a run."""

from pathlib import Path
from typing import Annotated

import typer

from nas.cli.terminal import (
    CountsScale,
    HrSize,
    Json,
    LatencyCommand,
    LrSize,
    PointScale,
    Scale,
    Storage,
    check_target,
    say,
    show,
    show_json,
)
from nas.errors import InputError
from nas.report.progress import NOTES, CountDisplay
from nas.search.option import MANY, MOST_SCALE, PROCESSES


def cost(
    architectures: Annotated[list[str], typer.Argument(metavar="ARCH...", help="SPACE/POINT, RUN:TRIAL, or a path.")],
    scale: PointScale = None,
    hr: HrSize = None,
    lr: LrSize = None,
    latency: Annotated[
        bool, typer.Option("--latency", help="Also measure the latency of the networks, and predict it.")
    ] = False,
    latency_command: LatencyCommand = None,
    threads: Annotated[int, typer.Option(min=1, max=PROCESSES, help="CPU threads of a latency.")] = 1,
    target: Annotated[
        str | None, typer.Option("--for", metavar="CHIP", help="Say whether a chip takes them. Default: no chip.")
    ] = None,
    ops: Annotated[bool, typer.Option("--ops", help="With --for: list every operator.")] = False,
    as_json: Json = False,
) -> None:
    """Count parameters and multiply-adds, beside thop's count and the published figures."""
    from nas.jobs.naming import resolve
    from nas.report.costs import cost_notes, cost_table, count
    from nas.report.latencies import latency_tables, runtime_notes, timed

    if target:
        _show_fits(architectures, target, scale, hr, lr, ops, as_json)
        return
    if ops:
        raise InputError("--ops lists the operators for a chip; name it by --for.")
    counts = [count(resolve(name, scale), hr, lr) for name in architectures]
    times = []
    if latency or latency_command:
        with CountDisplay("measuring") as progress:
            times = timed(counts, latency_command, threads, progress=progress)
    if as_json:
        measured = {time.label: {"latency": time.to_dict()} for time in times}
        show_json({c.named.label: c.to_dict() | measured.get(c.named.label, {}) for c in counts})
        return
    for shown in (cost_table(counts), *latency_tables(times)):
        show(shown)
    say(*(*runtime_notes(times), *cost_notes(counts)))


def _show_fits(
    names: list[str], target: str, scale: int | None, hr: str | None, lr: str | None, ops: bool, as_json: bool
) -> None:
    """Show whether a chip takes networks."""
    from nas.cost import HR_SIZE
    from nas.deploy.fit import fit
    from nas.deploy.target import load_target
    from nas.image_size import hr_size
    from nas.jobs.naming import resolve
    from nas.report.targets import fit_notes, fit_table

    chip, fits = load_target(target), {}
    for named in (resolve(name, scale) for name in names):
        width, height = hr_size(hr, lr, named.architecture.scale) or HR_SIZE
        factor = named.architecture.scale
        fits[named.label] = fit(named.architecture, chip, (width // factor, height // factor))
    if as_json:
        show_json({label: found.to_dict() for label, found in fits.items()})
        return
    for label, found in fits.items():
        if ops:
            show(fit_table(label, found))
        say(*fit_notes(label, found))


def targets(as_json: Json = False) -> None:
    """List the chips and runtimes that networks can be exported for."""
    from nas.deploy.target import load_target
    from nas.deploy.target import targets as names
    from nas.report.targets import targets_table

    every = [load_target(name) for name in names()]
    if as_json:
        show_json({target.name: target.model_dump(mode="json") for target in every})
        return
    show(targets_table(every))
    say("What they take is from the documents of their vendors; nothing was tried on a board.")


def spaces(
    name: Annotated[
        str | None,
        typer.Argument(metavar="SPACE", help="A space, or a YAML file that narrows one. Default: list all spaces."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the search spaces, or the choices of one space and the costs of its published networks."""
    if name is None and not as_json:
        from nas.report.space_list import spaces_table
        from search_spaces.index import listed_spaces

        show(spaces_table(listed_spaces()))
        return
    from nas.report.space_tables import space_tables, spaces_data
    from search_spaces import SPACES
    from search_spaces.narrowed import read_space

    space = read_space(name) if name else None
    if as_json:
        show_json(spaces_data([space] if space else SPACES, with_costs=space is not None))
    elif space:
        for shown in space_tables(space):
            show(shown)


def check(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Folder of images.")],
    scale: Annotated[int, typer.Option(min=1, max=MOST_SCALE, help="Scale of the bicubic figures.")] = 2,
    patch: Annotated[
        int, typer.Option(min=1, max=65536, help="Side of the LR patch that an image must hold, in pixels.")
    ] = 32,
    counts: CountsScale = None,
    as_json: Json = False,
) -> None:
    """Report the contents and the faults of a data set; exit code 1 if there are faults."""
    from nas.check.checking import check_folder
    from nas.data.frames import Counts
    from nas.report.data_tables import data_faults, data_notes, data_table

    with CountDisplay("checking") as progress:
        given = Counts.parse(counts) if counts else None
        report = check_folder(Path(folder), scale=scale, patch=patch, progress=progress, counts=given)
    if as_json:
        show_json(report.to_dict())
    else:
        show(data_table(report))
        say(*data_notes(report) + data_faults(report))
    if not report.is_clean:
        raise typer.Exit(1)


def preview(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Folder of images.")],
    degradation: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="Its name, or a YAML file with a degradation of your own.")
    ],
    scale: Scale = 2,
    count: Annotated[int, typer.Option(min=1, max=MANY, help="Number of images.")] = 4,
    to: Annotated[str, typer.Option(metavar="FILE", help="The picture that is written.")] = "preview.png",
) -> None:
    """Draw the effect of a degradation on your images: original, bicubic and several draws side by side."""
    from nas.report.degradation_picture import draw_degradation, write_picture

    check_target(to, "--to")
    with CountDisplay("degrading") as progress:
        figure = draw_degradation(Path(folder), degradation, scale=scale, count=count, progress=progress)
    say(f"Wrote {write_picture(figure, Path(to))}")


def dashboard(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run of this machine.")],
    host: Annotated[
        str, typer.Option(help="Address to listen on; an address that other machines reach needs a password.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one.")] = 8080,
    name: Annotated[
        list[str] | None,
        typer.Option(help="Another host name that leads here, such as a reverse proxy's. Default: no other name."),
    ] = None,
    password: Annotated[
        str | None,
        typer.Option(
            envvar="NAS_DASHBOARD_PASSWORD",
            help="Password that the browser asks for. Default: NAS_DASHBOARD_PASSWORD, else no password.",
        ),
    ] = None,
    storage: Storage = None,
) -> None:
    """Show a run in Optuna Dashboard until Ctrl-C."""
    from nas.report.dashboard import check_host, dashboard_app, listen
    from nas.search.run import open_run

    check_host(host, password)
    opened = open_run(run, storage)
    app = dashboard_app(opened.storage, opened.folder / "artifacts", password, host, name or ())
    with listen(app, host, port) as server:
        NOTES.print(f"Optuna Dashboard of '{opened.settings.run}': {server.address} (Ctrl-C ends it)", markup=False)
        server.run()
