"""Commands on a table of trained architectures: build it, replay searches on it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli.terminal import (
    OUTPUT,
    SYNTHETIC,
    Device,
    HrSize,
    Json,
    LrSize,
    Scale,
    check_target,
    duration,
    say,
    show,
    show_json,
    wrote,
)
from nas.errors import RunError
from nas.interrupt import StopFlag
from nas.report.progress import NOTES, CountDisplay, TrainingDisplay
from nas.report.whole import Counted
from nas.search.option import IMAGES, MACHINE, MANY, NETWORKS, PROCESSES, TRAINING

if TYPE_CHECKING:  # these load PyTorch
    import torch

    from nas.evidence.benchmark.build import TableRequest
    from nas.training.recipe import Recipe

TABLE, SEARCHES = "Table", "Searches"
"""Groups of options."""


def build(
    to: Annotated[
        str, typer.Option(metavar="FILE", rich_help_panel=TABLE, help="File of the table: .json or .json.gz.")
    ],
    label: Annotated[
        str,
        typer.Option(rich_help_panel=TABLE, help="Purpose of the table, in a few words. Default: no text."),
    ] = "",
    time: Annotated[
        str | None,
        typer.Option(rich_help_panel=TABLE, help="Start no training after this time: 90s, 20m, 2h. Default: no limit."),
    ] = None,
    space: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPACE[:N]",
            rich_help_panel=NETWORKS,
            help="Space to draw from; hybrid:150 draws 150 networks. Default: hybrid and falsr.",
        ),
    ] = None,
    architectures: Annotated[
        int,
        typer.Option(
            min=1, max=MANY, rich_help_panel=NETWORKS, help="Number of networks of a --space without a number."
        ),
    ] = 100,
    budget: Annotated[
        list[str] | None,
        typer.Option(rich_help_panel=NETWORKS, help="The most that a network may cost. Default: 8G-MACs."),
    ] = None,
    scale: Scale = 2,
    recipe: Annotated[
        str, typer.Option(rich_help_panel=TRAINING, help="Brief recipe: a name or a YAML file.")
    ] = "brief",
    steps: Annotated[
        int | None,
        typer.Option(min=1, max=MANY, rich_help_panel=TRAINING, help="Steps of a training. Default: the recipe's."),
    ] = None,
    validations: Annotated[
        int,
        typer.Option(min=1, max=MANY, rich_help_panel=TRAINING, help="Validations of a training, evenly spaced."),
    ] = 9,
    seeds: Annotated[
        int, typer.Option(min=1, max=MANY, rich_help_panel=TRAINING, help="Trainings of each network.")
    ] = 1,
    repeated: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=MANY,
            rich_help_panel=TRAINING,
            help="Train only this many networks with all --seeds, the others once. Default: all networks.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="DIR", rich_help_panel=IMAGES, help="Folder of infrared images. Default: synthetic scenes."
        ),
    ] = None,
    hr: HrSize = None,
    lr: LrSize = None,
    jobs: Annotated[
        int,
        typer.Option(min=1, max=PROCESSES, rich_help_panel=MACHINE, help="Trainings at a time, each with one thread."),
    ] = 1,
    device: Device = None,
) -> None:
    """Train many architectures into a table; the same command again continues the table."""
    from nas.budget import Budget, tightest
    from nas.cost import HR_SIZE
    from nas.evidence.benchmark.build import TableRequest, networks_by_space
    from nas.image_size import hr_size
    from nas.training.devices import pick_device
    from nas.training.recipe import load_recipe

    check_target(to, "--to")
    where, seconds, target = pick_device(device), duration(time), Path(to)
    changes = {"validations": validations} | ({} if steps is None else {"steps": steps})
    chosen = load_recipe(recipe, where, **changes)
    request = TableRequest(
        counts=networks_by_space(space or ["hybrid", "falsr"], architectures),
        budgets=tightest(Budget.parse(text) for text in budget or ["8G-MACs"]),
        scale=scale,
        hr_size=hr_size(hr, lr, scale) or HR_SIZE,
        seeds=seeds,
        repeated=repeated,
        label=label,
    )
    _build(request, chosen, data, where, target, jobs, seconds)


def _build(
    request: "TableRequest",
    recipe: "Recipe",
    folder: str | None,
    device: "torch.device",
    target: Path,
    jobs: int,
    seconds: float | None,
) -> None:
    """Make the missing trainings of a table, and write the table to `target`."""
    from nas.evidence.benchmark.build import prepare, work_on, working_folder
    from nas.parallel.placement import devices_for
    from nas.search.images import open_for
    from nas.table import write_table

    with CountDisplay("reading images") as progress:
        images = open_for(recipe, folder, scale=request.scale, device=device, progress=progress)
    if images.synthetic:
        NOTES.print(SYNTHETIC)
    NOTES.print("Selecting networks; a space whose costs are counted whole takes minutes.")
    begun = prepare(request, images, recipe, device, working_folder(target))
    missing = len(begun.open_trainings())
    NOTES.print(f"{len(begun.rows)} networks are selected; {missing} trainings of {recipe.steps} steps are missing.")
    try:
        with StopFlag() as stop, TrainingDisplay(Counted(missing, "trainings")) as display:
            work_on(begun, devices_for(device, jobs), display, stop, seconds)
            if stop() and begun.open_trainings():
                raise RunError("Stopped; the same command continues.")
    finally:
        write_table(begun.table, target)
        missing = len(begun.open_trainings())
        say(f"Wrote {target}: {len(begun.table.rows)} networks, {missing} trainings are missing")


def replay(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="File that nas benchmark build wrote.")],
    sampler: Annotated[
        list[str] | None,
        typer.Option(rich_help_panel=SEARCHES, help="Sampler to compare with random search. Default: all samplers."),
    ] = None,
    seeds: Annotated[
        int, typer.Option(min=1, max=MANY, rich_help_panel=SEARCHES, help="Searches by each sampler.")
    ] = 10,
    trials: Annotated[
        int, typer.Option(min=1, max=MANY, rich_help_panel=SEARCHES, help="Candidates of a search.")
    ] = 100,
    time: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=SEARCHES,
            help="Start no candidate after this simulated time: 90s, 20m, 2h. Default: no limit.",
        ),
    ] = None,
    no_rungs: Annotated[
        bool, typer.Option("--no-rungs", rich_help_panel=SEARCHES, help="Train every candidate to the end.")
    ] = False,
    screen: Annotated[
        list[str] | None,
        typer.Option(
            rich_help_panel=SEARCHES, help="Chooses among drawn candidates: surrogate:100. Default: no screen."
        ),
    ] = None,
    published: Annotated[
        bool, typer.Option(rich_help_panel=SEARCHES, help="Try the published networks first, as a search does.")
    ] = True,
    space: Annotated[
        str | None,
        typer.Option(rich_help_panel=TABLE, help="Space to search. Default: the space of most networks of the table."),
    ] = None,
    response: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=TABLE,
            help="Predicts the networks that the table lacks: forest, boosted, trees or gp. Default: the best of the "
            "first three.",
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="DIR", rich_help_panel=OUTPUT, help="Folder for figures and plot. Default: results/replay-TABLE."
        ),
    ] = None,
    as_json: Json = False,
    jobs: Annotated[int, typer.Option(min=1, max=PROCESSES, rich_help_panel=MACHINE, help="Searches at a time.")] = 1,
) -> None:
    """Run searches on a table instead of trainings, and compare their samplers."""
    from nas.evidence.benchmark.build import table_name
    from nas.evidence.benchmark.comparison import compare, comparison_data, replay_all
    from nas.evidence.benchmark.replay import Conditions
    from nas.evidence.benchmark.response import fit, most_frequent_space
    from nas.report.replay_files import fidelity_table, standings_table, write_comparison
    from nas.search.run import RESULTS
    from nas.search.samplers import SAMPLERS
    from nas.table import read_table

    check_target(to, "--to", folder=True)
    read = read_table(Path(table))
    fitted = fit(read, space or most_frequent_space(read), response)
    conditions = Conditions(
        read.header,
        fitted,
        trials=trials,
        seconds=duration(time),
        on_rungs=not no_rungs,
        screens=tuple(screen or ()),
        published=published,
    )
    conditions.check(sampler or ())
    with CountDisplay("searching") as progress:
        courses = replay_all(conditions, sampler or SAMPLERS.names(), seeds, jobs, progress)
    standings = compare(courses)
    data = comparison_data(conditions, standings, seeds)
    folder = Path(to) if to else RESULTS / f"replay-{table_name(Path(table))}"
    paths = write_comparison(data, standings, folder)
    if as_json:
        show_json(data)
        return
    show(fidelity_table(fitted))
    show(standings_table(standings, data))
    wrote(paths)
