"""Building a table: train all selected architectures, store each curve at once, continue after a kill."""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from nas.budget import Budget
from nas.data.dataset import Dataset
from nas.errors import InputError, RunError
from nas.evidence.benchmark.journal import Journal
from nas.evidence.benchmark.selection import Wanted, select
from nas.evidence.benchmark.training import make_header, train_network
from nas.image_size import Size
from nas.parallel.listener import Listener
from nas.parallel.processes import Stop, Work, run_in_turn, run_processes
from nas.quantities import short
from nas.search.run import RESULTS
from nas.search.settings import space_fingerprint
from nas.table import Row, Table
from nas.training.plateau import check_no_plateau
from nas.training.recipe import Recipe
from nas.training.task import BriefTask
from nas.training.trainer import TrainingStoppedError, seed_all
from proxies import PROXIES
from search_spaces import SPACES

_PROXY_SEED = 0
"""Added to the seed of the architecture for proxies: they score the start weights of its first training."""


@dataclass(frozen=True)
class TableRequest:
    """The request for a table."""

    counts: dict[str, int]
    """Number of random networks of each space."""
    budgets: tuple[Budget, ...]
    scale: int
    hr_size: Size
    seeds: int = 1
    """Number of trainings of an architecture."""
    repeated: int | None = None
    """Number of architectures with `seeds` trainings; the others have one training. None: all architectures."""
    label: str = ""

    @property
    def wanted(self) -> Wanted:
        """The conditions for selected networks."""
        return Wanted(self.scale, 1, self.hr_size, self.budgets)


@dataclass(frozen=True)
class Build:
    """A table that is being built. All processes that work on it have the same `Build`."""

    folder: Path
    rows: tuple[Row, ...]
    """The rows in the order of their trainings."""
    data: Dataset
    recipe: Recipe
    seeds: int
    repeated: int
    asks_proxies: bool = True
    """Whether proxies that do not train score the networks, too."""

    @property
    def journal(self) -> Journal:
        """The journal that receives the results."""
        return Journal(self.folder)

    @property
    def table(self) -> Table:
        """The table with the results so far."""
        return self.journal.table()

    def open_trainings(self, share: int = 0, count: int = 1) -> list[tuple[Row, int]]:
        """Return the missing trainings: the first training of all architectures, then the second, and so on.

        Process `share` of `count` handles rows share, share + count, …; the split does not depend on progress.
        """
        done = {(row.network.fingerprint, t.seed) for row in self.table.rows for t in row.trainings}
        wanted = [self.rows[: self.repeated if seed else None][share::count] for seed in range(self.seeds)]
        every = [(row, seed) for seed, rows in enumerate(wanted) for row in rows]
        return [(row, seed) for row, seed in every if (row.network.fingerprint, seed) not in done]

    def open_proxies(self, names: Iterable[str], share: int = 0, count: int = 1) -> list[tuple[Row, str]]:
        """Return the missing scores of proxies as pairs of row and proxy, with the same split."""
        mine = {row.network.fingerprint for row in self.rows[share::count]}
        rows = [row for row in self.table.trained if row.network.fingerprint in mine]
        return [(row, name) for row in rows for name in names if name not in row.proxies]


def working_folder(to: Path, results: Path = RESULTS) -> Path:
    """Return the working folder of the table that is written to the file `to`."""
    return results / f"benchmark-{table_name(to)}"


def table_name(path: Path) -> str:
    """Return the name of a table: that of its file without `.json` or `.json.gz`."""
    return path.name.removesuffix(".gz").removesuffix(".json")


def networks_by_space(spaces: list[str], default: int) -> dict[str, int]:
    """Return the number of random networks of each space, from texts such as `hybrid:150`. Raises InputError."""
    counts: dict[str, int] = {}
    for text in spaces:
        name, colon, number = text.partition(":")
        if colon and not number.isdigit():
            raise InputError(f"'{text}' lacks a number of networks; write it as hybrid:150.")
        counts[name] = int(number) if colon else default
    return counts


def prepare(request: TableRequest, data: Dataset, recipe: Recipe, device: torch.device, folder: Path) -> Build:
    """Select the architectures, or read the earlier selection, and write the header of the table into `folder`.

    Raises InputError if the folder holds trainings under other conditions, such as other images or another recipe.
    """
    check_no_plateau(recipe, "A table")
    recipe = recipe.seeing(data.normalisation)
    journal = Journal(folder)
    asked: dict[str, Any] = {
        "counts": request.counts,
        "budgets": [str(budget) for budget in request.budgets],
        "scale": request.scale,
        "hr_size": list(request.hr_size),
        "spaces": SPACES.names(),
    }
    spaces = {name: space_fingerprint(name) for name in request.counts}
    header = make_header(
        data,
        recipe,
        device,
        scale=request.scale,
        hr_size=request.hr_size,
        budgets=request.budgets,
        spaces=spaces,
        label=request.label,
    )
    rows = journal.rows_for(asked)
    if rows is None:
        rows = select(request.counts, request.wanted, journal.rows())
    journal.begin(header, asked, rows)
    repeated = len(rows) if request.repeated is None else request.repeated
    return Build(folder, tuple(rows), data, recipe, request.seeds, repeated)


def work_on(
    build: Build,
    devices: tuple[torch.device, ...],
    listener: Listener,
    should_stop: Stop,
    seconds: float | None = None,
) -> None:
    """Make the missing trainings and scores: one process with one thread on each of `devices`.

    With one device the work is done in this process. After `seconds` no training starts. Raises RunError if a process
    failed; finished results are kept.
    """
    count = len(devices)
    works: dict[str, Work] = {
        f"process {share}": partial(_work, build, share, count, seconds) for share in range(count)
    }
    run = run_in_turn if count == 1 else None
    failures = (
        run(works, devices[0], listener, should_stop) if run else run_processes(works, devices, listener, should_stop)
    )
    if failures and not should_stop():
        raise RunError(f"{', '.join(failures)} failed, see the messages above; the same command continues.")


def _work(
    build: Build,
    share: int,
    count: int,
    seconds: float | None,
    device: torch.device,
    listener: Listener,
    should_stop: Stop,
) -> None:
    """Do the work of process `share` of `count`."""
    torch.set_num_threads(1)
    started = time.monotonic()

    def ends() -> bool:
        return should_stop() or (seconds is not None and time.monotonic() - started >= seconds)

    for row, seed in build.open_trainings(share, count):
        if ends():
            return
        label = f"{row.name or row.network.space + ' ' + row.network.fingerprint} ({short(row.macs)} MACs, seed {seed})"
        try:
            with listener.training(label) as training_listener:
                training = train_network(
                    row.network,
                    build.data,
                    build.recipe,
                    seed,
                    device,
                    training_listener,
                    should_stop,
                    by_own_time=device.type != "cuda",
                )
        except TrainingStoppedError:
            return
        build.journal.append(share, row.network.fingerprint, training=training.model_dump(exclude_defaults=True))
        listener.say(f"{label}: {training.failure or f'{training.curve[-1][1]:.2f} dB'}")
    if build.asks_proxies:
        _ask_proxies(build, share, count, device, listener, ends)


def _ask_proxies(build: Build, share: int, count: int, device: torch.device, listener: Listener, ends: Stop) -> None:
    """Score the trained architectures by every proxy that does not train; a proxy that fails is left out."""
    names = [proxy.name for proxy in PROXIES if not proxy.trains]
    unable: set[str] = set()
    for row, name in build.open_proxies(names, share, count):
        if ends():
            return
        if name in unable:
            continue
        seed = row.network.seed + build.recipe.seed + _PROXY_SEED
        seed_all(seed)
        try:
            score = PROXIES.get(name).score(row.network.build(), BriefTask(build.data, build.recipe, seed, device))
        except (InputError, RuntimeError) as error:
            unable.add(name)
            listener.say(f"The proxy '{name}' is left out: {error}")
            continue
        build.journal.append(share, row.network.fingerprint, proxies={name: _finite(score.value)})


def _finite(score: float) -> float | None:
    """Return a score with six digits; None for an infinite or undefined score, which JSON can't hold."""
    return float(f"{score:.6g}") if math.isfinite(score) else None
