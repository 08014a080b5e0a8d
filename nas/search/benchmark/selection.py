"""Which architectures a table holds: the published ones that fit, and random ones spread evenly over the costs."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from nas.budget import Budget, refusal
from nas.cost import ScreeningCost, screening_cost
from nas.errors import InputError
from nas.image_size import Size
from nas.search.smallest import smallest_cost
from search_spaces import SPACES, Architecture, Choice, SearchSpace

BANDS = 12
"""Equal ratios of multiply-adds, from the cheapest network to the budget; each gets as many networks as any other."""

_DRAWS_EACH = 100
"""Draws for each network that is wanted, after which bands that hardly any network falls into go without."""

_PLAIN_SHARE, _PLAIN_DRAWS, _LEAST_FITTING = 4, 40, 0.05
"""All but every fourth draw is plain, unless after forty of them fewer than one in twenty has fitted the budget."""


@dataclass(frozen=True)
class Selected:
    """An architecture of a table, with what it costs."""

    architecture: Architecture
    price: ScreeningCost
    name: str | None = None
    """SPACE/POINT of a published one."""


@dataclass(frozen=True)
class Wanted:
    """What may be selected: networks of one scale and channel count within the budgets."""

    scale: int
    channels: int
    hr_size: Size
    budgets: tuple[Budget, ...]

    def priced(self, space: SearchSpace, choices: dict[str, Choice], name: str | None = None) -> Selected | None:
        """Return the network of these choices if it fits the budgets."""
        architecture = Architecture(space.name, self.scale, self.channels, choices)
        price = screening_cost(architecture, self.hr_size)
        return None if refusal(self.budgets, price) else Selected(architecture, price, name)


def select(counts: dict[str, int], wanted: Wanted) -> list[Selected]:
    """Return the published points of all spaces that fit, and so many random networks of each named space.

    The order is that of the fingerprints: as good as shuffled, so that any beginning of it is a fair sample, and the
    same however many are asked for. Asking for more only adds to them. Raises InputError for a space without a network
    within the budgets; UnknownNameError.
    """
    found = {one.architecture.fingerprint: one for one in reversed(list(published(wanted)))}
    for name, count in counts.items():
        for one in spread(SPACES.get(name), count, wanted):
            found.setdefault(one.architecture.fingerprint, one)
    return [found[fingerprint] for fingerprint in sorted(found)]


def published(wanted: Wanted) -> Iterator[Selected]:
    """Yield the published points of all spaces that fit, as a search holds them: with what their space pins."""
    for space in SPACES:
        if wanted.scale in space.scales and wanted.channels in space.channels:
            for point, network in space.published.items():
                choices = {**network.choices, **space.pinned}
                if one := wanted.priced(space, choices, f"{space.name}/{point}"):
                    yield one


def spread(space: SearchSpace, count: int, wanted: Wanted) -> list[Selected]:
    """Return `count` different random networks of a space, or fewer where it hasn't so many, spread evenly.

    Evenly over the logarithm of their multiply-adds: random choices would nearly all be expensive. Networks are drawn
    and kept while their band has room, always the same ones.
    """
    low, high = _range(space, wanted)
    room = [count // BANDS + (band < count % BANDS) for band in range(BANDS)]
    kept: dict[str, Selected] = {}
    stream = random.Random(space.name)
    tried = fitted = 0
    for number in range(_DRAWS_EACH * count):
        if not any(room):
            break
        plain = number % _PLAIN_SHARE != 0 and (tried < _PLAIN_DRAWS or fitted >= _LEAST_FITTING * tried)
        one = wanted.priced(space, _draw(space, stream, 0.0 if plain else stream.random()))
        tried, fitted = tried + plain, fitted + (plain and one is not None)
        if one is None or one.architecture.fingerprint in kept:
            continue
        share = math.log(one.price.macs / low) / math.log(high / low) if high > low else 0.0
        band = min(BANDS - 1, max(0, int(BANDS * share)))
        if room[band]:
            room[band] -= 1
            kept[one.architecture.fingerprint] = one
    return list(kept.values())


def _range(space: SearchSpace, wanted: Wanted) -> tuple[int, int]:
    """Return the multiply-adds of the cheapest network, and the most that the budgets allow."""
    limits = [budget.limit for budget in wanted.budgets if budget.unit == "MACs"]
    if not limits:
        raise InputError("A table needs a budget of multiply-adds, e.g. --budget 8G-MACs.")
    low = smallest_cost(space, wanted.scale, wanted.channels, space.pinned, wanted.hr_size, wanted.budgets[0])
    if reason := refusal(wanted.budgets, low):
        raise InputError(f"Not even the smallest network of the space '{space.name}' fits: {reason}.")
    return low.macs, min(limits)


def _draw(space: SearchSpace, stream: random.Random, cheap: float) -> dict[str, Choice]:
    """Return random choices, a share of `cheap` of them as in the space's cheapest network.

    With 0 they are plain, as random search draws them; but in a space of many choices chance alone never brings a cheap
    network.
    """
    drawn = {
        name: space.smallest[name] if stream.random() < cheap else stream.choice(values)
        for name, values in space.parameters().items()
    }
    return drawn | dict(space.pinned)
