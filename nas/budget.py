"""Budgets: how much a network may cost, in the words of a user."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from nas.cost import ScreeningCost
from nas.errors import InputError

_PREFIXES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_FORM = re.compile(
    r"\s*(?P<number>\d+(?:\.\d+)?)\s*"
    r"((?P<prefix>[KMGT]?)[-\s]?(?P<count>MACs|params)|((?P<binary>[KMGT])i)?B[-\s]?memory|(?P<time>ms))\s*",
    re.IGNORECASE | re.ASCII,
)
_COSTS = {"MACs": "macs", "params": "params", "memory": "memory", "ms": "latency"}
_UNITS = {unit.casefold(): unit for unit in _COSTS}

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
            raise InputError(f"'{text}' is not a budget; write it as 300G-MACs, 900K-params, 64MiB-memory or 33ms.")
        number = Decimal(match["number"])
        if match["time"]:
            limit, least, unit = float(round(number, 3)), 0.001, "ms"
        elif match["count"]:
            unit, least = _UNITS[match["count"].casefold()], 1
            limit = int(number * _PREFIXES[match["prefix"].upper()])
        else:
            unit, least = "memory", 1
            limit = int(number * _BINARY[(match["binary"] or "").upper()])
        if limit < least:
            what = {"ms": "0.001 ms", "memory": "1 B memory"}.get(unit, f"1 {unit}")
            raise InputError(f"A budget must be at least {what}, not '{text}'.")
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
    return ", ".join(f"{_rounded(b.of(costs), b.unit)} > {b.in_words}" for b in over) or None


def _rounded(cost: float, unit: str) -> str:
    if unit == "ms":
        return f"{cost:.4g}"
    return f"{cost / 2**20:.4g}MiB" if unit == "memory" else short(cost)


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
    for prefix, factor in reversed(_PREFIXES.items()):
        if count >= 0.99995 * factor > 1:  # 999,960 is 1.000M when rounded
            scaled = count / factor
            decimals = 1 if scaled >= 99.995 else 2 if scaled >= 9.9995 else 3
            return f"{scaled:.{decimals}f}{prefix}"
    return f"{count:g}"
