"""Budgets: how much a network may cost, in the words of a user."""

import re
from dataclasses import dataclass
from decimal import Decimal

from nas.cost import ScreeningCost
from nas.errors import InputError

_PREFIXES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_UNITS = {"macs": "MACs", "params": "params"}
_FORM = re.compile(
    r"\s*(?P<number>\d+(?:\.\d+)?)\s*(?P<prefix>[KMGT]?)[-\s]?(?P<unit>MACs|params)\s*", re.IGNORECASE | re.ASCII
)


@dataclass(frozen=True)
class Budget:
    """The most that a network may cost, e.g. `300G-MACs` (multiply-adds for one HR image) or `900K-params`.

    Parsed and printed back the same: `Budget.parse(str(budget)) == budget`.
    """

    limit: int
    unit: str
    """`MACs` or `params`."""

    @classmethod
    def parse(cls, text: str) -> "Budget":
        """Read `300G-MACs`, `1.2M-params`, `900k params`. Raises InputError for anything else, and for zero."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise InputError(f"'{text}' is not a budget; write it as 300G-MACs or 900K-params.")
        unit = _UNITS[match["unit"].casefold()]
        limit = Decimal(match["number"]) * _PREFIXES[match["prefix"].upper()]
        if limit < 1:
            raise InputError(f"A budget must be at least 1 {unit}, not '{text}'.")
        return cls(int(limit), unit)

    def __str__(self) -> str:
        return f"{quantity(self.limit)}-{self.unit}"

    def of(self, cost: ScreeningCost) -> int:
        """Return the part of `cost` that this budget limits."""
        return cost.macs if self.unit == "MACs" else cost.params

    def excess(self, cost: ScreeningCost) -> int:
        """Return how far `cost` is over the budget; at most 0 when it fits."""
        return self.of(cost) - self.limit


def refusal(budgets: tuple[Budget, ...], cost: ScreeningCost) -> str | None:
    """Return why `cost` does not fit, e.g. `412.1G > 300G MACs`; None when it fits every budget."""
    over = [b for b in budgets if b.excess(cost) > 0]
    return ", ".join(f"{short(b.of(cost))} > {quantity(b.limit)} {b.unit}" for b in over) or None


def quantity(count: int) -> str:
    """Print a count exactly with the largest prefix that leaves at most three decimals: 300000000000 → 300G."""
    for prefix, factor in reversed(_PREFIXES.items()):
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
