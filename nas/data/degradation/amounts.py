"""Numbers of a degradation as data: one value or a range that is drawn from, fixed or growing with the scale."""

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
        """Reads 3, "3", "scale", "0.5 scale" or "2 + 0.2 scale"; raises `ValueError` for anything else."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            return cls(float(value))
        found = _TEXT.fullmatch(value.strip()) if isinstance(value, str) and value.strip() else None
        if found is None:
            raise ValueError(f"{shown(value)} is not a number, nor one like '2 + 0.2 scale'")
        slope = float(found["slope"] or 1) if found["scale"] else 0.0
        return cls(float(found["constant"] or 0), -slope if found["sign"] == "-" else slope)

    def at(self, scale: float) -> float:
        """The number at that scale."""
        return self.constant + self.per_scale * scale

    def plain(self) -> float | str:
        """What `parse` reads back."""
        if not self.per_scale:
            return self.constant
        sign = "-" if self.per_scale < 0 else "+"
        return f"{self.constant!r} {sign} {abs(self.per_scale)!r} scale"


@dataclass(frozen=True)
class Range:
    """What a parameter is drawn from, evenly; `low` and `high` may be equal. In YAML one amount, or [low, high]."""

    low: Amount
    high: Amount

    @classmethod
    def parse(cls, value: object) -> "Range":
        """Reads an amount or a list of two; raises `ValueError`."""
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
        """The least and the most at that scale."""
        return self.low.at(scale), self.high.at(scale)

    def plain(self) -> float | str | list[float | str]:
        """What `parse` reads back."""
        return self.low.plain() if self.is_fixed else [self.low.plain(), self.high.plain()]

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        write = core_schema.plain_serializer_function_ser_schema(lambda value: value.plain())
        return core_schema.no_info_plain_validator_function(cls.parse, serialization=write)


def within(least: float, most: float = inf) -> AfterValidator:
    """For the annotation of a field: a range that lies in least..most at every scale from 1 to 4."""
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
