"""The targets of a prior: tables of `hybrid` on images, or at a scale, that the shipped table does not know."""

import random
from dataclasses import dataclass
from pathlib import Path

from tables_kit.trained_alike import row_of, train_alike

from nas.budget import Budget
from nas.cost import HR_SIZE
from nas.evidence.benchmark.journal import Journal
from nas.model import RESULTS
from nas.search.interest import Interest, lower_ends
from nas.search.sample import draw_sample
from nas.search.samplers.problem import Problem
from nas.search.seeds import SHARES, near_share, sizes_of
from nas.search.settings import space_fingerprint
from nas.table import Table
from search_spaces import SPACES, Architecture

SPACE = "hybrid"
DRAWN = 100
"""Random networks that are drawn; those in the range are used, about a half."""
VALIDATIONS = 3
"""At a third, two thirds and the end of the steps: replays have a rung at a third."""

SMALL = {"batch": 4, "patch": 24}
"""What the trainings change in `brief`: they take a third of the time."""


@dataclass(frozen=True)
class Target:
    """Images and a scale, with the budget of a search there."""

    name: str
    title: str
    scale: int
    budget: str
    """The range of interest is the three octaves below it."""
    is_synthetic: bool

    @property
    def problem(self) -> Problem:
        """What a search with the budget may draw."""
        budget, space = Budget.parse(self.budget), SPACES.get(SPACE)
        interest = Interest(lower_ends([budget], ()))
        return Problem(space, self.scale, 1, HR_SIZE, (budget,), fixed=space.pinned, interest=interest)


SYNTHETIC = Target("synthetic-x2", "synthetic scenes, x2", 2, "10G-MACs", is_synthetic=True)
INFRARED_X3 = Target("infrared-x3", "infrared, x3", 3, "4.5G-MACs", is_synthetic=False)
"""At x3 a network has 4/9 of the multiply-adds, so this budget is for nearly the same networks."""
TARGETS = (SYNTHETIC, INFRARED_X3)


def draw_networks(randoms: int, seeds: int) -> list[tuple[str | None, Architecture]]:
    """Return random networks in the range of the first target, evenly over their costs, and seeds of a search.

    The order is that of the fingerprints, so that any beginning is a fair sample.
    """
    asked = SYNTHETIC.problem
    drawn = [draw for draw in draw_sample(asked, DRAWN, most_published=0) if asked.is_of_interest(draw.cost)]
    designs = []
    for family in asked.space.seed_families:
        sizes = sizes_of(asked, family)
        for share in SHARES[:3]:
            designs += near_share(sizes, share)
    random.Random(0).shuffle(designs)
    found: dict[str, tuple[str | None, Architecture]] = {}
    for name, draw in [*((None, d) for d in drawn[:randoms]), *((d.name, d.draw) for d in designs[:seeds])]:
        found[draw.architecture.fingerprint] = name, draw.architecture
    return [found[fingerprint] for fingerprint in sorted(found)]


def train(target: Target, infrared: Path, steps: int, randoms: int, seeds: int) -> Table:
    """Train what is missing and return the table of the target. The same networks are trained for every target."""
    label = f"prior-{target.name}"
    rows = Journal(RESULTS / f"benchmark-{label}").rows()
    if not rows:
        for name, network in draw_networks(randoms, seeds):
            rows.append(row_of(name, Architecture(SPACE, target.scale, 1, network.choices)))
    data = None if target.is_synthetic else infrared
    table = train_alike(rows, data, label, "brief", steps, VALIDATIONS, scale=target.scale, **SMALL)
    header = table.header.model_copy(update={"budgets": (target.budget,), "spaces": {SPACE: space_fingerprint(SPACE)}})
    return table.model_copy(update={"header": header})
