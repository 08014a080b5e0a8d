"""Budgets: how much a network may cost, in the words of a user."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from nas.cost import ScreeningCost
from nas.errors import InputError
from nas.objectives import OBJECTIVES, Form, Objective
from nas.quantities import BINARY, PREFIXES, memory_size, prefix_of, quantity
from search_spaces.documents import shortened

_NUMBER = r"\s*(?P<number>\d+(?:\.\d+)?)\s*"
_PREFIX = {
    Form.COUNT: r"(?P<prefix>[KMGT]?)[-\s]?",
    Form.BYTES: r"(?:(?P<prefix>[KMGT])i)?B[-\s]?",
    Form.MILLISECONDS: r"(?P<prefix>)",
}
_FACTORS = {Form.COUNT: PREFIXES, Form.BYTES: BINARY, Form.MILLISECONDS: {"": 1}}

_MOST = {Form.COUNT: 10**18, Form.BYTES: 2**60, Form.MILLISECONDS: 10**9}
"""The largest limit of a budget. It is above the cost of any network; larger numbers would not be exact."""
_LEAST = {Form.COUNT: Decimal(1), Form.BYTES: Decimal(1), Form.MILLISECONDS: Decimal("0.001")}

Costs = ScreeningCost | Mapping[str, float]
"""The counted costs of a network, or the figures that are known so far by the names of `nas.objectives`."""


@dataclass(frozen=True)
class Budget:
    """The most that a network may cost for one HR image.

    The built-in costs are written `300G-MACs`, `900K-params`, `40M-activations`, `20-convs`, `33ms` and
    `64MiB-memory`; a plugin can add costs (`nas.objectives`). `Budget.parse(str(budget)) == budget` holds.
    """

    limit: float
    """A number of things (multiply-adds, parameters, activations, convolutions), bytes of memory, or milliseconds.

    Milliseconds are rounded to a thousandth. Memory is that of the activations alive at the same time.
    """
    unit: str
    """The unit of a cost of `nas.objectives`: `MACs`, `params`, `activations`, `convs`, `ms` or `memory`."""

    @classmethod
    def parse(cls, text: str) -> "Budget":
        """Read a budget: `300G-MACs`, `900k params`, `40M-activations`, `20 convs`, `1.5GiB-memory`, `33 ms`.

        Raises InputError for any other text, and for a limit that is too small or too large.
        """
        matches = ((cost, _match(cost, text)) for cost in _limited())
        cost, match = next(((cost, match) for cost, match in matches if match), (None, None))
        if cost is None or match is None:
            raise InputError(
                f"'{shortened(text)}' is not a budget; write it as 300G-MACs, 900K-params, 40M-activations, 20-convs, "
                "33ms or 64MiB-memory."
            )
        number = Decimal(match["number"]) * _FACTORS[cost.form][(match["prefix"] or "").upper()]
        if number > _MOST[cost.form]:
            most = cls(_MOST[cost.form], cost.budget_unit).in_words
            raise InputError(f"A budget must be at most {most}, not '{shortened(text)}'.")
        limit = float(round(number, 3)) if cost.form == Form.MILLISECONDS else int(number)
        if limit < _LEAST[cost.form]:
            least = {Form.MILLISECONDS: "0.001 ", Form.BYTES: "1 B "}.get(cost.form, "1 ") + cost.budget_unit
            raise InputError(f"A budget must be at least {least}, not '{shortened(text)}'.")
        return cls(limit, cost.budget_unit)

    def __str__(self) -> str:
        separator = "" if self.form == Form.MILLISECONDS else "-"
        return f"{self.amount}{separator}{self.unit}"

    @property
    def objective(self) -> Objective:
        """The objective that the budget limits."""
        return next(cost for cost in _limited() if cost.budget_unit == self.unit)

    @property
    def form(self) -> Form:
        """How the limit is written."""
        return self.objective.form

    @property
    def amount(self) -> str:
        """The limit without its unit: `300G`, `64MiB`, `33`."""
        if self.form == Form.MILLISECONDS:
            return f"{self.limit:.3f}".rstrip("0").rstrip(".")
        return memory_size(int(self.limit)) if self.form == Form.BYTES else quantity(int(self.limit))

    @property
    def in_words(self) -> str:
        """The budget in a sentence: `300G MACs`."""
        return f"{self.amount} {self.unit}"

    @property
    def cost(self) -> str:
        """The name of the limited cost, as in `nas.objectives`."""
        return self.objective.name

    def of(self, costs: Costs) -> float:
        """Return the limited cost among `costs`. Raises KeyError if that cost isn't known."""
        return (costs.figures if isinstance(costs, ScreeningCost) else costs)[self.cost]

    def excess(self, costs: Costs) -> float:
        """Return the limited cost minus the limit: 0 or less if `costs` fit the budget."""
        return self.of(costs) - self.limit


def _limited() -> list[Objective]:
    """Return the costs that a budget can limit."""
    return [objective for objective in OBJECTIVES.in_order() if objective.is_cost]


def _match(cost: Objective, text: str) -> re.Match[str] | None:
    form = rf"{_NUMBER}{_PREFIX[cost.form]}{re.escape(cost.budget_unit)}\s*"
    return re.fullmatch(form, text, re.IGNORECASE | re.ASCII)


def known_budgets(budgets: Iterable[Budget], costs: Costs) -> list[Budget]:
    """Return the budgets whose cost is known in `costs`."""
    figures = costs.figures if isinstance(costs, ScreeningCost) else costs
    return [budget for budget in budgets if budget.cost in figures]


def refusal(budgets: Iterable[Budget], costs: Costs) -> str | None:
    """Return why `costs` don't fit, e.g. `412.1G > 300G MACs`; None if every known cost fits its budget."""
    over = [b for b in known_budgets(budgets, costs) if b.excess(costs) > 0]
    return ", ".join(f"{_above(b.of(costs), b)} > {b.in_words}" for b in over) or None


def tightest(budgets: Iterable[Budget]) -> tuple[Budget, ...]:
    """Return the tightest budget of each unit, in the order of the units' first budgets."""
    least: dict[str, Budget] = {}
    for budget in budgets:
        if budget.unit not in least or budget.limit < least[budget.unit].limit:
            least[budget.unit] = budget
    return tuple(least.values())


def _above(cost: float, budget: Budget) -> str:
    """Return a cost above the budget with four digits, or with more where four don't show the difference."""
    is_count, factor = budget.form == Form.COUNT, 1
    prefix = ""
    if is_count:
        prefix, factor = prefix_of(cost)
    elif budget.form == Form.BYTES:
        factor = BINARY["M"]
    scaled = Decimal(cost) / factor
    for digits in range(4, 25):
        decimals = max(0, digits - 1 - max(0, scaled.adjusted()))
        rounded = round(scaled, decimals)
        if rounded * factor > Decimal(budget.limit):
            break
    if is_count:
        return f"{rounded:f}{prefix}" if prefix else f"{cost:g}"
    text = f"{rounded:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{text}MiB" if budget.form == Form.BYTES else text
