"""The command that trains the hand-made networks that a search is judged by."""

from typing import Annotated

import typer

from nas.cli.terminal import Device, Storage, say, show
from nas.errors import RunError
from nas.interrupt import StopFlag
from nas.report.progress import NOTES, TrainingDisplay
from nas.report.whole import Counted
from nas.search.option import PROCESSES


def hand_made(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run of this machine, by its name or folder.")],
    full: Annotated[
        bool, typer.Option("--full", help="Train them as `nas train` trained networks of RUN, not as its candidates.")
    ] = False,
    jobs: Annotated[
        int, typer.Option(min=1, max=PROCESSES, help="Networks to train at a time, with one thread each on a CPU.")
    ] = 1,
    data: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Folder of the run's images, if they were moved. Default: as the run says."),
    ] = None,
    storage: Storage = None,
    device: Device = None,
) -> None:
    """Train the published networks in the range of a run alike, and show the gain of the run over them."""
    from nas.evidence.benchmark.build import work_on
    from nas.evidence.hand_made import HandMade
    from nas.parallel.placement import devices_for
    from nas.report.hand_made import gain_lines, hand_made_table
    from nas.search.run import open_run, open_run_data
    from nas.training.devices import pick_device

    opened, where = open_run(run, storage), pick_device(device)
    known = HandMade.fully(opened) if full else HandMade.of(opened)
    known.check()
    build = known.build(open_run_data(opened, data), where)
    missing = len(build.open_trainings())
    NOTES.print(
        f"{len(build.rows)} published networks lie in or near the range; {missing} are to be trained, "
        f"for {known.recipe.steps} steps each."
    )
    with StopFlag() as stop, TrainingDisplay(Counted(missing, "trainings")) as display:
        work_on(build, devices_for(where, jobs), display, stop)
        if stop() and build.open_trainings():
            raise RunError("Stopped; the same command continues.")
    show(hand_made_table(known))
    say(*gain_lines(opened.snapshot(), known.results))
