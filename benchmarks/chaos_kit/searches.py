"""The searches that are disturbed, and the one that is not, which tells what is right."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from chaos_kit.commands import Command
from chaos_kit.databases import STUDY, Database, PostgresServer, SqliteFile
from chaos_kit.judge import Truth
from chaos_kit.plan import ChaosPlan
from chaos_kit.space import Drops

SPACE = Path(__file__).with_name("space.py")
RECIPE = """base: brief
name: tiny
steps: 90
batch: 2
patch: 8
validation_crop: 32
precision: float32
warmup: 0.125
"""
NETWORKS = 36
"""All of the space."""


class CancelledError(Exception):
    """The user wants no more."""


def find_truth(
    folder: Path, data: Path, networks: int = NETWORKS, cancelled: Callable[[], bool] = lambda: False
) -> Truth:
    """Train networks of the space on all rungs, undisturbed, the published ones first.

    Raises RuntimeError where that fails.
    """
    folder.mkdir(parents=True)
    arguments = (*_search(folder, data, networks), "--reduction", 1, "--sampler", "random")
    command = Command("truth", arguments, folder, _environment(0))
    command.start()
    try:
        while command.is_running:
            if cancelled():
                raise CancelledError
            time.sleep(0.2)
        if command.code:
            raise RuntimeError("The undisturbed run failed:\n" + "\n".join(command.lines))
    finally:
        command.clear()
    database = SqliteFile(run_folder(folder) / "study.db")
    try:
        truth = Truth.of(database.trials(), run_folder(folder))
    finally:
        database.close()
    if len(truth.rungs) != networks:
        raise RuntimeError(f"The undisturbed run has {len(truth.rungs)} networks, not {networks}.")
    return truth


def one_machine(plan: ChaosPlan, folder: Path, data: Path) -> tuple[Database, list[Command]]:
    """Return a search with two worker processes and its SQLite file."""
    arguments = (*_search(folder, data, plan.trials), "--seed", plan.seed, "--jobs", 2)
    command = Command("search", arguments, folder, _environment(plan.idle_ms))
    return SqliteFile(run_folder(folder) / "study.db"), [command]


def two_machines(plan: ChaosPlan, folder: Path, data: Path) -> tuple[Database, list[Command]]:
    """Start a server; return it with a search, and a worker that shares nothing else with it."""
    for name in ("here", "there"):
        (folder / name).mkdir()
    server = PostgresServer()
    shutil.copytree(data, folder / "there" / "images")
    environment = _environment(plan.idle_ms)
    arguments = (*_search(folder / "here", data, plan.trials), "--seed", plan.seed, "--storage", server.url)
    first = Command("search", arguments, folder / "here", environment)
    arguments = ("worker", "--storage", server.url, "--study", STUDY, "--data", "images")
    return server, [first, Command("worker", arguments, folder / "there", environment, apart=os.geteuid() == 0)]


def _search(folder: Path, data: Path, trials: int) -> tuple[object, ...]:
    recipe = folder / "tiny.yaml"
    recipe.write_text(RECIPE)
    return (
        *("search", "--run", STUDY, "--space", Drops.name, "--plugin", SPACE, "--data", data),
        *("--budget", "300M-MACs", "--recipe", recipe, "--trials", trials),
    )


def _environment(idle_ms: float) -> dict[str, str]:
    own = {
        "NAS_HEARTBEAT_SECONDS": "1",
        "CHAOS_IDLE_MS": str(idle_ms),
        "OMP_NUM_THREADS": "1",  # sums are rounded otherwise with another number
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONUNBUFFERED": "1",
        "COLUMNS": "200",
    }
    return dict(os.environ) | own


def run_folder(folder: Path) -> Path:
    """Return the folder of the run that a search writes in `folder`."""
    return folder / "results" / STUDY


def seeds() -> list[str]:
    """Return the names of the published networks, which every search must try."""
    return [f"{Drops.name}/{name}" for name in Drops.published]
