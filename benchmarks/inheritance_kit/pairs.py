"""The parents and children of the comparison: scaled seeds of `hybrid`, and their mutations in the range."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from tables_kit.trained_alike import SCALE

from nas.budget import Budget
from nas.cost import HR_SIZE
from nas.search.interest import Interest, lower_ends
from nas.search.samplers.local import Local
from nas.search.samplers.problem import Problem
from nas.search.seeds import SHARES, Seed, near_share, sizes_of
from search_spaces import SPACES, Architecture

SLOW = frozenset({"BSRN", "PAN", "gated"})
"""Families that are left out, since they train several times slower than others of their cost."""

OCTAVES = 2
"""The range begins at the budget halved this often."""


@dataclass(frozen=True)
class Pair:
    """A child and the parent that it is a mutation of."""

    parent: Architecture
    child: Architecture
    name: str
    """The parent's family and size, and the number of the child."""


def problem(budget: Budget) -> Problem:
    """Return what parents and children are drawn from: `hybrid` within the range below the budget."""
    space = SPACES.get("hybrid")
    interest = Interest(lower_ends([budget], (), OCTAVES))
    return Problem(space, SCALE, 1, HR_SIZE, (budget,), fixed=space.pinned, interest=interest)


def parents(asked: Problem, count: int, seed: int = 0) -> list[Seed]:
    """Return seeds of the families in turn, near the budget, a half and a quarter of it in turn."""
    generator = random.Random(seed)
    families = [name for name in asked.space.seed_families if name not in SLOW]
    generator.shuffle(families)
    chosen: dict[str, Seed] = {}
    for place in range(count):
        sizes = sizes_of(asked, families[place % len(families)])
        near = near_share(sizes, SHARES[place % (OCTAVES + 1)])
        found = generator.choice([near_seed for near_seed in near if near_seed.fingerprint not in chosen])
        chosen[found.fingerprint] = found
    return list(chosen.values())


def pairs(asked: Problem, seeds: list[Seed], children: int, seed: int = 0) -> Iterator[Pair]:
    """Yield the first child of each parent, then the second, and so on: mutations in the range, none twice."""
    local = Local(asked, seed, trials=1)
    known = {parent.fingerprint for parent in seeds}
    for number in range(1, children + 1):
        for parent in seeds:
            while True:
                draw = asked.draw(local.mutated(parent.draw.choices))
                if draw.architecture.fingerprint not in known and asked.is_of_interest(draw.cost):
                    break
            known.add(draw.architecture.fingerprint)
            yield Pair(parent.draw.architecture, draw.architecture, f"{parent.name}, child {number}")
