"""Numbers of a degradation as data: a value, or a range to draw from, fixed or growing with the scale."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any

from pydantic import AfterValidator, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from search_spaces.documents import shown

_NUMBER = r"\d+(?:\.\d*)?(?:[eE][+-]?\d+)?"
_TEXT = re.compile(
    rf"(?:(?P<constant>-?{_NUMBER})\s*(?=$|[+-]))?(?:(?P<sign>[+-])?\s*(?P<slope>{_NUMBER})?\s*\*?\s*(?P<scale>scale))?"
)


@dataclass(frozen=True)
class Amount:
    """A number that may grow with the scale: `constant + per_scale * scale`."""

    constant: float
    per_scale: float = 0.0

    @classmethod
    def parse(cls, value: object) -> "Amount":
        """Read 3, "3", "scale", "0.5 scale" or "2 + 0.2 scale". Raises ValueError for anything else."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            return cls(float(value))
        found = _TEXT.fullmatch(value.strip()) if isinstance(value, str) and value.strip() else None
        if found is None:
            raise ValueError(f"{shown(value)} is not a number, nor an amount like '2 + 0.2 scale'")
        slope = float(found["slope"] or 1) if found["scale"] else 0.0
        return cls(float(found["constant"] or 0), -slope if found["sign"] == "-" else slope)

    def at(self, scale: float) -> float:
        """Return the number for a scale."""
        return self.constant + self.per_scale * scale

    def plain(self) -> float | str:
        """Return plain data that `parse` reads."""
        if not self.per_scale:
            return self.constant
        sign = "-" if self.per_scale < 0 else "+"
        return f"{self.constant!r} {sign} {abs(self.per_scale)!r} scale"


@dataclass(frozen=True)
class Range:
    """A range from which a parameter is drawn uniformly. In YAML it is an amount, or [low, high].

    `low` and `high` may be equal.
    """

    low: Amount
    high: Amount

    @classmethod
    def parse(cls, value: object) -> "Range":
        """Read an amount, or a list of two amounts. Raises ValueError for anything else."""
        if isinstance(value, cls):
            return value
        if isinstance(value, list | tuple):
            if len(value) != 2:
                raise ValueError(f"a range is [least, most], but got {shown(list(value))}")
            return cls(Amount.parse(value[0]), Amount.parse(value[1]))
        return cls(Amount.parse(value), Amount.parse(value))

    @property
    def is_fixed(self) -> bool:
        """Whether there is nothing to draw."""
        return self.low == self.high

    def at(self, scale: float) -> tuple[float, float]:
        """Return the lower and the upper limit for a scale."""
        return self.low.at(scale), self.high.at(scale)

    def plain(self) -> float | str | list[float | str]:
        """Return plain data that `parse` reads."""
        return self.low.plain() if self.is_fixed else [self.low.plain(), self.high.plain()]

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        write = core_schema.plain_serializer_function_ser_schema(lambda value: value.plain())
        return core_schema.no_info_plain_validator_function(cls.parse, serialization=write)


def within(least: float, most: float = inf) -> AfterValidator:
    """Return a validator for the annotation of a field: a range within least..most for all scales from 1 to 4."""
    return AfterValidator(_limits(least, most))


def _limits(least: float, most: float) -> Callable[[Range], Range]:
    def check(value: Range) -> Range:
        for scale in (1, 4):  # an amount is linear in the scale
            low, high = value.at(scale)
            if not least <= low <= high <= most:
                allowed = f"{least:g} or more" if most == inf else f"{least:g} to {most:g}"
                raise ValueError(f"{value.plain()} must be a range within {allowed}")
        return value

    return check
