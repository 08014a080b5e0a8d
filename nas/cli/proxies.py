"""Commands on proxies: list them, and rank them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli.terminal import SYNTHETIC, Device, Json, SearchScale, say, several, show, show_json, wrote
from nas.errors import InputError
from nas.interrupt import StopFlag
from nas.report.progress import NOTES, CountDisplay, TrainingDisplay
from nas.search.option import IMAGES, MANY, NETWORKS, TRAINING

if TYPE_CHECKING:  # it loads PyTorch
    from nas.evidence.ranking.settings import RankRequest

RANKING = "Ranking"
"""A group of options."""


def proxies(context: typer.Context, as_json: Json = False) -> None:
    """List the proxies that score candidates; `rank` reports which proxies to trust on your images."""
    if context.invoked_subcommand is not None:
        return
    from nas.report.ranking_tables import proxies_data, proxies_table
    from proxies import PROXIES

    if as_json:
        show_json(proxies_data(PROXIES))
    else:
        show(proxies_table(PROXIES))


def rank(
    run: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=RANKING, help="Name of the ranking; the same name continues it. Default: that of --data."
        ),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(min=4, max=MANY, rich_help_panel=RANKING, help="Number of networks to train. Default: 40."),
    ] = None,
    proxy: Annotated[
        list[str] | None,
        typer.Option(rich_help_panel=RANKING, help="Proxy to rank. Default: brief, and all that don't train."),
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=RANKING,
            help="Train nothing; rank on this table by nas benchmark build.",
        ),
    ] = None,
    space: Annotated[
        str | None,
        typer.Option(rich_help_panel=NETWORKS, help="A space, or a YAML file that narrows one. Default: hybrid."),
    ] = None,
    scale: SearchScale = None,
    budget: Annotated[
        list[str] | None,
        typer.Option(rich_help_panel=NETWORKS, help="The most that a network may cost. Default: 30G-MACs."),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(rich_help_panel=TRAINING, help="Recipe of the proxies that train. Default: brief."),
    ] = None,
    reference_recipe: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=TRAINING,
            help="Recipe of the reference training, by which proxies are judged. Default: full, but shorter.",
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1, max=MANY, rich_help_panel=TRAINING, help="Steps of the reference training. Default: the recipe's."
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="DIR", rich_help_panel=IMAGES, help="Folder of infrared images. Default: synthetic scenes."
        ),
    ] = None,
    as_json: Json = False,
    device: Device = None,
) -> None:
    """Train a sample of networks, and report how well each proxy ranks them; the same command again continues."""
    if table is not None:
        given = {"data": data, "space": space, "budget": budget, "sample": sample, "proxy": proxy, "recipe": recipe}
        if unused := next((name for name, value in given.items() if value is not None), None):
            raise InputError(f"The networks of a --table are trained and scored already; leave --{unused} out.")
        _rank_table(Path(table), steps, as_json)
        return
    from nas.evidence.ranking.settings import RankRequest

    request = RankRequest(
        run=run,
        data=data,
        space=space,
        scale=scale,
        budgets=several(budget),
        sample=sample,
        recipe=recipe,
        reference=reference_recipe,
        steps=steps,
    )
    _rank_by_training(request, proxy, device, as_json)


def _rank_by_training(request: "RankRequest", proxies: list[str] | None, device: str | None, as_json: bool) -> None:
    from nas.evidence.ranking.evidence import gather
    from nas.evidence.ranking.measuring import Ranking, default_proxies
    from nas.evidence.ranking.settings import open_settings
    from nas.training.devices import pick_device
    from proxies import PROXIES

    where = pick_device(device)
    chosen = [PROXIES.get(name).name for name in proxies or default_proxies()]
    settings, images, folder = open_settings(request, where)
    ranking = Ranking(settings, images, folder, where)
    if images.synthetic:
        NOTES.print(SYNTHETIC)
    with CountDisplay("drawing networks") as progress:
        networks = ranking.draw(progress)
    NOTES.print(
        f"Ranking '{settings.run}': {len(networks)} networks of '{settings.space}' within "
        f"{', '.join(settings.budgets)}, {settings.recipe.steps} steps of the brief recipe ({settings.recipe.name}) "
        f"and {settings.reference.steps} of the reference recipe ({settings.reference.name}), on {where}.",
    )
    with StopFlag() as stop, TrainingDisplay() as display:
        ranking.measure(networks, chosen, display, stop)
    _conclude(gather(ranking.table()), f"{settings.run}: {settings.space_in_words} x{settings.scale}", folder, as_json)


def _rank_table(file: Path, steps: int | None, as_json: bool) -> None:
    from nas.evidence.ranking.evidence import gather
    from nas.evidence.ranking.settings import FOLDER
    from nas.files import make_folder
    from nas.search.run import RESULTS
    from nas.table import read_table

    read = read_table(file)
    evidence = gather(read, steps)
    folder = RESULTS / FOLDER / file.name.partition(".")[0]
    make_folder(folder)
    _conclude(evidence, f"{file.name}: {read.header.label}".rstrip(": "), folder, as_json)


def _conclude(evidence: Any, title: str, folder: Path, as_json: bool) -> None:
    """Print the agreements of the proxies, and write them as figures and as a picture into `folder`."""
    from nas.data.folder import SIGNED
    from nas.files import replacing, write_atomic
    from nas.report.ranking_picture import draw_ranking
    from nas.report.ranking_tables import ranking_data, ranking_lines, ranking_table

    agreements = evidence.agreements()
    data, picture = ranking_data(evidence, agreements), folder / "ranking.png"
    write_atomic(folder / "ranking.json", json.dumps(data, indent=2) + "\n")
    with replacing(picture) as temporary:
        draw_ranking(evidence, agreements, title).savefig(temporary, format="png", metadata=SIGNED)
    if as_json:
        show_json(data)
        return
    show(ranking_table(agreements, title))
    say(*ranking_lines(evidence, agreements))
    wrote((picture, folder / "ranking.json"))
