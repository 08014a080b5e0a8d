"""What earlier searches learnt, for the prior of a new one."""

import platform
from pathlib import Path

from nas.errors import InputError
from nas.search.extrapolation import lifted
from nas.search.option import NO_PRIOR, SHIPPED_PRIOR
from nas.search.run import Run, open_run
from nas.search.settings import SETTINGS
from nas.search.snapshot import Snapshot
from nas.table import Header, Row, Table, Training, read_table, write_table
from nas.version import __version__
from search_spaces.documents import shortened

FILE = "prior.json.gz"
"""Name of the table in the folder of a run whose prior is an earlier run."""


def prior_named(name: str, folder: Path) -> str:
    """Return the setting `prior` of the run in `folder` for what its user gave.

    A table file stays where it is. The networks of an earlier run are copied into the folder. Raises InputError if
    `name` is neither, or a file that is no table.
    """
    if name in (SHIPPED_PRIOR, NO_PRIOR):
        return name
    path = Path(name)
    if path.is_file():
        read_table(path)
        return str(path.resolve())
    if not any((place / SETTINGS).is_file() for place in (folder.parent / name, path)):
        raise InputError(
            f"--prior '{shortened(name)}' is neither a run in {folder.parent} nor a table file; give one of them, "
            f"{SHIPPED_PRIOR} or {NO_PRIOR}."
        )
    table = table_of(open_run(name, results=folder.parent))
    write_table(table, folder / FILE)
    return FILE  # without its folder, which may be moved


def table_of(run: Run) -> Table:
    """Return the networks of a run that were measured on at least one rung, as a table."""
    settings, snapshot = run.settings, run.snapshot()
    header = Header(
        label=f"the run {settings.run}",
        scale=settings.scale,
        channels=settings.channels,
        hr_size=settings.hr_size,
        budgets=tuple(map(str, settings.budgets)),
        spaces={settings.space: settings.space_fingerprint},
        data=settings.data or "synthetic scenes",
        data_fingerprint=settings.data_fingerprint,
        protocol=run.protocol.to_dict(),
        bicubic=run.bicubic,
        recipe=settings.recipe,
        device=platform.machine(),
        clock="seconds",
        versions={"nas": __version__},
    )
    return Table(header=header, rows=tuple(_rows(snapshot)))


def _rows(snapshot: Snapshot) -> list[Row]:
    """Return the networks with their figures extrapolated to the highest rung."""
    rows = []
    for network, figures in zip(snapshot.measured, lifted(snapshot.measured), strict=True):
        architecture = snapshot.settings.architecture(network.choices)
        macs, params = int(network.costs["macs"]), int(network.costs["params"])
        training = Training(seed=0, curve=((snapshot.settings.rungs[-1], figures["psnr"]),))
        rows.append(Row(architecture=architecture.to_dict(), macs=macs, params=params, trainings=(training,)))
    return rows
