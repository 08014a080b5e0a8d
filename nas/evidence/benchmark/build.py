"""Building a table: train every selected architecture, keep each curve as soon as it is there, go on after a kill."""

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
from nas.evidence.benchmark.table import Row, Table
from nas.evidence.benchmark.training import make_header, train_network
from nas.image_size import Size
from nas.parallel.listener import Audience
from nas.parallel.processes import Stop, Work, run_in_turn, run_processes
from nas.quantities import short
from nas.search.run import RESULTS
from nas.search.settings import space_fingerprint
from nas.training.recipe import Recipe
from nas.training.task import BriefTask
from nas.training.trainer import TrainingStoppedError, seed_all
from proxies import PROXIES
from search_spaces import SPACES

_PROXY_SEED = 0
"""Added to the architecture's own seed for the network that proxies see: the weights that its first training has."""


@dataclass(frozen=True)
class Plan:
    """What a table is to hold."""

    counts: dict[str, int]
    """Random networks of each space."""
    budgets: tuple[Budget, ...]
    scale: int
    hr_size: Size
    seeds: int = 1
    """Trainings of an architecture."""
    repeated: int | None = None
    """How many of the architectures have them; the others have one. None: all."""
    label: str = ""

    @property
    def wanted(self) -> Wanted:
        """What may be selected."""
        return Wanted(self.scale, 1, self.hr_size, self.budgets)


@dataclass(frozen=True)
class Build:
    """A table that is being built; the same for every process that works on it."""

    folder: Path
    rows: tuple[Row, ...]
    """In the order in which they are trained."""
    data: Dataset
    recipe: Recipe
    seeds: int
    repeated: int

    @property
    def journal(self) -> Journal:
        """Where what is found goes."""
        return Journal(self.folder)

    @property
    def table(self) -> Table:
        """What was found so far."""
        return self.journal.table()

    def open_trainings(self, share: int = 0, count: int = 1) -> list[tuple[Row, int]]:
        """Return the trainings that are still to be made: the first of all, then the second of some, and so on.

        Of so many processes number `share` has every so-many-th architecture, whatever the others have done by now.
        """
        done = {(row.network.fingerprint, t.seed) for row in self.table.rows for t in row.trainings}
        wanted = [self.rows[: self.repeated if seed else None][share::count] for seed in range(self.seeds)]
        every = [(row, seed) for seed, rows in enumerate(wanted) for row in rows]
        return [(row, seed) for row, seed in every if (row.network.fingerprint, seed) not in done]

    def open_proxies(self, names: Iterable[str], share: int = 0, count: int = 1) -> list[tuple[Row, str]]:
        """Return which proxies are still to be asked of which trained architectures, likewise."""
        mine = {row.network.fingerprint for row in self.rows[share::count]}
        rows = [row for row in self.table.trained if row.network.fingerprint in mine]
        return [(row, name) for row in rows for name in names if name not in row.proxies]


def working_folder(to: Path, results: Path = RESULTS) -> Path:
    """Return the folder in which the table that goes to the file `to` is built."""
    return results / f"benchmark-{table_name(to)}"


def table_name(path: Path) -> str:
    """Return what a table is called: the name of its file without `.json` or `.json.gz`."""
    return path.name.removesuffix(".gz").removesuffix(".json")


def prepare(plan: Plan, data: Dataset, recipe: Recipe, device: torch.device, folder: Path) -> Build:
    """Select the architectures, or read what was selected before, and write down what the table is of.

    Raises InputError where the folder holds trainings of other data, by another recipe and so on.
    """
    recipe = recipe.seeing(data.normalisation)
    journal = Journal(folder)
    asked: dict[str, Any] = {
        "counts": plan.counts,
        "budgets": [str(budget) for budget in plan.budgets],
        "scale": plan.scale,
        "hr_size": list(plan.hr_size),
        "spaces": SPACES.names(),
    }
    spaces = {name: space_fingerprint(name) for name in plan.counts}
    header = make_header(
        data,
        recipe,
        device,
        scale=plan.scale,
        hr_size=plan.hr_size,
        budgets=plan.budgets,
        spaces=spaces,
        label=plan.label,
    )
    rows = journal.rows_for(asked)
    if rows is None:
        rows = select(plan.counts, plan.wanted, journal.rows())
    journal.begin(header, asked, rows)
    repeated = len(rows) if plan.repeated is None else plan.repeated
    return Build(folder, tuple(rows), data, recipe, plan.seeds, repeated)


def work_on(
    build: Build,
    devices: tuple[torch.device, ...],
    audience: Audience,
    should_stop: Stop,
    seconds: float | None = None,
) -> None:
    """Make what is missing, a process with one thread on each of `devices`; one device: in this process.

    After `seconds` nothing new is begun. Raises RunError when a process failed; what is finished is kept.
    """
    count = len(devices)
    works: dict[str, Work] = {
        f"process {share}": partial(_work, build, share, count, seconds) for share in range(count)
    }
    run = run_in_turn if count == 1 else None
    failures = (
        run(works, devices[0], audience, should_stop) if run else run_processes(works, devices, audience, should_stop)
    )
    if failures and not should_stop():
        raise RunError(f"{', '.join(failures)} failed, see the messages above; the same command continues.")


def _work(
    build: Build,
    share: int,
    count: int,
    seconds: float | None,
    device: torch.device,
    audience: Audience,
    should_stop: Stop,
) -> None:
    """What process number `share` of `count` does."""
    torch.set_num_threads(1)
    started = time.monotonic()

    def ends() -> bool:
        return should_stop() or (seconds is not None and time.monotonic() - started >= seconds)

    for row, seed in build.open_trainings(share, count):
        if ends():
            return
        label = f"{row.name or row.network.space + ' ' + row.network.fingerprint} ({short(row.macs)} MACs, seed {seed})"
        try:
            with audience.training(label) as listener:
                training = train_network(
                    row.network,
                    build.data,
                    build.recipe,
                    seed,
                    device,
                    listener,
                    should_stop,
                    by_own_time=device.type != "cuda",
                )
        except TrainingStoppedError:
            return
        build.journal.append(share, row.network.fingerprint, training=training.model_dump(exclude_defaults=True))
        audience.say(f"{label}: {training.failure or f'{training.curve[-1][1]:.2f} dB'}")
    _ask_proxies(build, share, count, device, audience, ends)


def _ask_proxies(build: Build, share: int, count: int, device: torch.device, audience: Audience, ends: Stop) -> None:
    """Let every proxy that doesn't train score the trained architectures; one that can't is left out with a word."""
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
            audience.say(f"The proxy '{name}' is left out: {error}")
            continue
        build.journal.append(share, row.network.fingerprint, proxies={name: _finite(score.value)})


def _finite(score: float) -> float | None:
    """Return a score to six digits, as JSON can hold it."""
    return float(f"{score:.6g}") if math.isfinite(score) else None
