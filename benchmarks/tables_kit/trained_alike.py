"""Trains given networks by one recipe, on one thread from one seed, for the benchmarks that compare them."""

from collections.abc import Iterable
from pathlib import Path

import torch

from nas.cost import HR_SIZE, screening_cost
from nas.evidence.benchmark.build import Build, work_on
from nas.evidence.benchmark.journal import Journal
from nas.evidence.benchmark.training import make_header
from nas.interrupt import StopFlag
from nas.model import RESULTS
from nas.report.progress import TrainingDisplay
from nas.report.whole import Counted
from nas.search.images import open_for
from nas.table import Row, Table
from nas.training.recipe import load_recipe
from search_spaces import Architecture

SCALE = 2


def row_of(name: str | None, network: Architecture) -> Row:
    """Return the row of a network that is not trained yet."""
    cost = screening_cost(network, HR_SIZE)
    return Row(architecture=network.to_dict(), name=name, macs=cost.macs, params=cost.params)


def train_alike(
    rows: Iterable[Row],
    data: Path | None,
    label: str,
    recipe: str,
    steps: int,
    validations: int,
    *,
    jobs: int = 1,
    scale: int = SCALE,
    twice: int = 0,
    **changes: object,
) -> Table:
    """Train what is missing of `rows` on the CPU and return the table of all that were ever trained under `label`.

    Without `data` the images are the embedded synthetic scenes. `jobs` processes of one thread share the trainings.
    Finished ones are kept in results/benchmark-LABEL, so that a stopped command continues. About one of `twice`
    networks is trained by a second seed, too, which tells the noise of a training (0: none).
    """
    device = torch.device("cpu")
    torch.set_num_threads(1)
    chosen = load_recipe(recipe, device, steps=steps, validations=validations, **changes)
    images = open_for(chosen, str(data) if data else None, scale=scale, device=device)
    chosen = chosen.seeing(images.normalisation)
    folder = RESULTS / f"benchmark-{label}"
    header = make_header(images, chosen, device, scale=scale, hr_size=HR_SIZE, budgets=(), spaces={}, label=label)
    journal = Journal(folder)
    earlier = journal.rows()
    done = {row.network.fingerprint for row in journal.table().rows} if earlier else set()
    kept = [row for row in earlier if row.network.fingerprint in done]
    every = {row.network.fingerprint: row for row in [*kept, *rows]}
    # By the fingerprint, so that they are of all costs, and the same when the table has grown.
    repeated = [name for name in every if twice and int(name, 16) % twice == 0]
    ordered = [every[name] for name in repeated] + [row for name, row in every.items() if name not in repeated]
    journal.begin(header, {}, ordered)
    build = Build(folder, tuple(ordered), images, chosen, seeds=2, repeated=len(repeated), asks_proxies=False)
    missing = len(build.open_trainings())
    with StopFlag() as stop, TrainingDisplay(Counted(missing, "trainings")) as display:
        work_on(build, (device,) * jobs, display, stop)
    return build.table
