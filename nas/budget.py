"""Budgets: how much a network may cost, in the words of a user."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from nas.cost import ScreeningCost
from nas.errors import InputError
from search_spaces.documents import shortened

_PREFIXES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_FORM = re.compile(
    r"\s*(?P<number>\d+(?:\.\d+)?)\s*"
    r"((?P<prefix>[KMGT]?)[-\s]?(?P<count>MACs|params)|((?P<binary>[KMGT])i)?B[-\s]?memory|(?P<time>ms))\s*",
    re.IGNORECASE | re.ASCII,
)
_COSTS = {"MACs": "macs", "params": "params", "memory": "memory", "ms": "latency"}
_UNITS = {unit.casefold(): unit for unit in _COSTS}

_MOST = {"MACs": 10**18, "params": 10**18, "memory": 2**60, "ms": 10**9}
"""More than any network costs; beyond, numbers would not be exact."""

Costs = ScreeningCost | Mapping[str, float]
"""What was counted of a network, or its figures by the names of `nas.objectives`, as far as they are known."""


@dataclass(frozen=True)
class Budget:
    """The most that a network may cost for one HR image: `300G-MACs`, `900K-params`, `64MiB-memory`, `33ms`.

    Parsed and printed back the same: `Budget.parse(str(budget)) == budget`.
    """

    limit: float
    """Multiply-adds, parameters, bytes of activations alive at once, or milliseconds to a thousandth."""
    unit: str
    """`MACs`, `params`, `memory` or `ms`."""

    @classmethod
    def parse(cls, text: str) -> "Budget":
        """Read `300G-MACs`, `900k params`, `1.5GiB-memory`, `33 ms`.

        Raises InputError for anything else, and for zero.
        """
        match = _FORM.fullmatch(text)
        if match is None:
            raise InputError(
                f"'{shortened(text)}' is not a budget; write it as 300G-MACs, 900K-params, 64MiB-memory or 33ms."
            )
        number = Decimal(match["number"])
        if match["time"]:
            unit, least = "ms", Decimal("0.001")
        elif match["count"]:
            unit, least = _UNITS[match["count"].casefold()], Decimal(1)
            number *= _PREFIXES[match["prefix"].upper()]
        else:
            unit, least = "memory", Decimal(1)
            number *= _BINARY[(match["binary"] or "").upper()]
        if number > _MOST[unit]:
            raise InputError(f"A budget must be at most {cls(_MOST[unit], unit).in_words}, not '{shortened(text)}'.")
        limit = float(round(number, 3)) if unit == "ms" else int(number)
        if limit < least:
            what = {"ms": "0.001 ms", "memory": "1 B memory"}.get(unit, f"1 {unit}")
            raise InputError(f"A budget must be at least {what}, not '{shortened(text)}'.")
        return cls(limit, unit)

    def __str__(self) -> str:
        separator = "" if self.unit == "ms" else "-"
        return f"{self.amount}{separator}{self.unit}"

    @property
    def amount(self) -> str:
        """The limit without what it limits: `300G`, `64MiB`, `33`."""
        if self.unit == "ms":
            return f"{self.limit:.3f}".rstrip("0").rstrip(".")
        return memory_size(int(self.limit)) if self.unit == "memory" else quantity(int(self.limit))

    @property
    def in_words(self) -> str:
        """The budget in a sentence: `300G MACs`."""
        return f"{self.amount} {self.unit}"

    @property
    def cost(self) -> str:
        """The name of the cost that it limits, as in `nas.objectives`."""
        return _COSTS[self.unit]

    def of(self, costs: Costs) -> float:
        """Return the part of `costs` that this budget limits. Raises KeyError where it isn't known."""
        return (costs.figures if isinstance(costs, ScreeningCost) else costs)[self.cost]

    def excess(self, costs: Costs) -> float:
        """Return how far `costs` are over the budget; at most 0 when they fit."""
        return self.of(costs) - self.limit


def known_budgets(budgets: Iterable[Budget], costs: Costs) -> list[Budget]:
    """Return the budgets on what is known of `costs`."""
    figures = costs.figures if isinstance(costs, ScreeningCost) else costs
    return [budget for budget in budgets if budget.cost in figures]


def refusal(budgets: Iterable[Budget], costs: Costs) -> str | None:
    """Return why `costs` don't fit, e.g. `412.1G > 300G MACs`; None when they fit every budget on what is known."""
    over = [b for b in known_budgets(budgets, costs) if b.excess(costs) > 0]
    return ", ".join(f"{_above(b.of(costs), b)} > {b.in_words}" for b in over) or None


def tightest(budgets: Iterable[Budget]) -> tuple[Budget, ...]:
    """Return the budgets without those that a tighter one of the same unit makes idle, in their order."""
    least: dict[str, Budget] = {}
    for budget in budgets:
        if budget.unit not in least or budget.limit < least[budget.unit].limit:
            least[budget.unit] = budget
    return tuple(least.values())


def _above(cost: float, budget: Budget) -> str:
    """Print a cost over the budget with four digits, or with as many as show that it is over."""
    prefix, factor = _prefix(cost) if budget.unit in ("MACs", "params") else ("", 1)
    scaled = Decimal(cost) / (2**20 if budget.unit == "memory" else factor)
    for digits in range(4, 25):
        decimals = max(0, digits - 1 - max(0, scaled.adjusted()))
        rounded = round(scaled, decimals)
        if rounded * (2**20 if budget.unit == "memory" else factor) > Decimal(budget.limit):
            break
    if budget.unit in ("MACs", "params"):
        return f"{rounded:f}{prefix}" if prefix else f"{cost:g}"
    text = f"{rounded:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{text}MiB" if budget.unit == "memory" else text


def quantity(count: int) -> str:
    """Print a count exactly with the largest prefix that leaves at most three decimals: 300000000000 → 300G."""
    return _exactly(count, _PREFIXES)


def memory_size(count: int) -> str:
    """Print bytes exactly with the largest binary prefix that leaves at most three decimals: 67108864 → 64MiB."""
    text = _exactly(count, _BINARY)
    return f"{text}B" if text[-1].isdigit() else f"{text}iB"


def _exactly(count: int, prefixes: dict[str, int]) -> str:
    for prefix, factor in reversed(prefixes.items()):
        scaled = Decimal(count) / factor
        if scaled >= 1 and scaled == round(scaled, 3):
            return f"{scaled.normalize():f}{prefix}"
    return str(count)


def short(count: float) -> str:
    """Print a count with four significant digits and a prefix: 235003852800 → 235.0G."""
    prefix, factor = _prefix(count)
    if not prefix:
        return f"{count:g}"
    scaled = count / factor
    decimals = 1 if scaled >= 99.995 else 2 if scaled >= 9.9995 else 3
    return f"{scaled:.{decimals}f}{prefix}"


def _prefix(count: float) -> tuple[str, int]:
    """Return the prefix that a rounded count is printed with, and its factor."""
    for prefix, factor in reversed(_PREFIXES.items()):
        if count >= 0.99995 * factor > 1:  # 999,960 is 1.000M when rounded
            return prefix, factor
    return "", 1
