"""The contents of a plot of the Pareto front, for Matplotlib and for Plotly."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nas.budget import Budget
from nas.cost import HR_SIZE
from nas.image_size import Size, show_size
from nas.objectives import OBJECTIVES, Objective

MACS, PSNR = OBJECTIVES.get("macs"), OBJECTIVES.get("psnr")

Kind = Literal["paused", "candidate", "front", "published", "hand-made"]

COLOURS: Mapping[Kind, str] = {
    "paused": "#d9dee3",
    "candidate": "#9aa5b1",
    "front": "#1f5fa8",
    "published": "#d1550f",
    "hand-made": "#b07d00",
}
BUDGET_COLOUR, BICUBIC_COLOUR, UNTRAINED_COLOUR = "#a3243b", "#4a4a4a", "#707070"
OUTSIDE_COLOUR = "#5a6b7b"
"""The colour of what lies below the range of interest."""

_NAMES = {
    "paused": "paused at a rung",
    "candidate": "candidate",
    "front": "Pareto front",
    "published": "published network, tried by the search",
    "hand-made": "hand-made, trained alike",
}
_TICK_DISTANCE = 0.02
"""Ticks of untrained networks that are closer than this share of the axis have names at different heights."""


@dataclass(frozen=True)
class Dot:
    """One network in the plot."""

    label: str
    figures: Mapping[str, float]
    """The figures by the names of `nas.objectives`; costs above 0."""
    kind: Kind
    remark: str = ""
    """A remark that follows the figures."""

    @property
    def in_words(self) -> list[str]:
        """The figures with their units, `35.45 dB`, `74.50G MACs`, and the remark."""
        figures = [OBJECTIVES.get(name).in_words(figure) for name, figure in self.figures.items()]
        return [*figures, self.remark] if self.remark else figures


@dataclass(frozen=True)
class View:
    """The dots, lines and texts of a plot, and the ranges of its axes."""

    dots: Sequence[Dot]
    untrained: Mapping[str, float]
    """The costs of published networks without a quality on these images; drawn as ticks at the bottom."""
    budget: Budget | None
    """The budget of the cost, a vertical line."""
    bicubic: float | None
    """The quality of the baseline, a horizontal line."""
    title: str
    protocol: str
    """The protocol of the quality, in one line."""
    range_from: float | None = None
    """The lower end of the range of interest, in the unit of the cost."""
    range_to: float | None = None
    """The upper end of the range of interest where it lies below the budget: the axis ends there."""
    hr_size: Size = HR_SIZE
    """Width and height of the HR image that costs are counted for."""
    baseline: str = "bicubic interpolation"
    cost: Objective = MACS
    quality: Objective = PSNR

    @property
    def x_label(self) -> str:
        """The label of the horizontal axis."""
        return self.cost.axis.format(size=show_size(self.hr_size))

    @property
    def y_label(self) -> str:
        """The label of the vertical axis."""
        return self.quality.axis

    def x(self, dot: Dot) -> float:
        """Return the horizontal position of a dot."""
        return self.cost.in_study(dot.figures[self.cost.name])

    def y(self, dot: Dot) -> float:
        """Return the vertical position of a dot."""
        return self.quality.in_study(dot.figures[self.quality.name])

    def of(self, kind: Kind) -> list[Dot]:
        """Return the dots of one kind by increasing cost."""
        return sorted((dot for dot in self.dots if dot.kind == kind), key=lambda dot: (self.x(dot), self.y(dot)))

    def name(self, kind: Kind) -> str:
        """Return the entry of the legend, with the number of dots below the shown range."""
        dots, low = self.of(kind), self.y_range[0]
        below = sum(self.y(dot) < low for dot in dots)
        return f"{_NAMES[kind]} ({below} of {len(dots)} below the axis)" if below else _NAMES[kind]

    @property
    def budget_label(self) -> str:
        """The entry of the legend for the budget, which may lie beyond the axis."""
        if self.budget is None or self.budget_x is None:
            return ""
        beyond = " (beyond the axis)" if self.budget_x > self.x_range[1] else ""
        return f"budget, {self.budget.in_words}{beyond}"

    @property
    def budget_x(self) -> float | None:
        """The horizontal position of the budget."""
        return None if self.budget is None else self.cost.in_study(self.budget.limit)

    @property
    def range_x(self) -> float | None:
        """Where the range of interest begins on the horizontal axis."""
        return None if self.range_from is None else self.cost.in_study(self.range_from)

    @property
    def x_range(self) -> tuple[float, float]:
        """The shown range of costs."""
        untrained = [self.cost.in_study(cost) for cost in self.untrained.values()]
        limits = [*untrained, self.budget_x or 0]
        if self.range_to is not None:
            end = self.cost.in_study(self.range_to)
            limits = [end, *(place for place in untrained if place <= end)]
        shown = [place for place in (*map(self.x, self.dots), *limits) if place > 0] or [1.0]
        return min(shown) / 1.35, max(shown) * 1.35

    @property
    def tick_digits(self) -> Sequence[float]:
        """The leading digits of the numbers on the horizontal axis; a short axis has more of them."""
        low, high = self.x_range
        return (1, 2, 5) if high > 10 * low else (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)

    @property
    def y_range(self) -> tuple[float, float]:
        """The shown range of qualities. It may exclude the worst candidates, which would flatten the front."""
        least = 10 * 10.0 ** -(self.quality.digits or 0)
        shown = [self.y(dot) for dot in self.dots if dot.kind in ("front", "published")]
        shown += [self.y(dot) for dot in self.of("hand-made") if shown and self.y(dot) >= min(shown) - least]
        if candidates := [self.y(dot) for dot in self.of("candidate")]:
            shown += [float(np.quantile(candidates, 0.25)), max(candidates)]
        bicubic = [] if self.bicubic is None else [self.bicubic]
        low, high = (min(shown), max(shown)) if shown else (min(bicubic, default=0.0),) * 2
        if bicubic and low - bicubic[0] < max(high - low, least):  # a distant baseline would flatten the front
            low, high = min(low, *bicubic), max(high, *bicubic)
        height = max(high - low, least)
        # The ticks of the untrained networks and their names stand below the dots.
        return low - height * (0.4 if self.untrained else 0.1), high + 0.12 * height

    @property
    def bicubic_label(self) -> str:
        """Return the entry of the legend for the baseline, which may lie below the shown range."""
        if self.bicubic is None:
            return self.baseline
        below = " (below the axis)" if self.bicubic < self.y_range[0] else ""
        return f"{self.baseline}, {self.quality.in_words(self.bicubic)}{below}"

    @property
    def front_line(self) -> tuple[list[float], list[float]]:
        """The corners of the front's step line, with published networks, up to the right border."""
        corners: list[Dot] = []
        members = [*self.of("front"), *self.of("published")]
        for dot in sorted(members, key=lambda dot: (self.x(dot), -self.y(dot))):
            if not corners or self.y(dot) > self.y(corners[-1]):
                corners.append(dot)
        if not corners:
            return [], []
        x, y = [self.x(dot) for dot in corners], [self.y(dot) for dot in corners]
        return [*x, self.x_range[1]], [*y, y[-1]]

    @property
    def ticks(self) -> list[tuple[str, float, int]]:
        """Name, position and height (0, 1, …) of the tick of each untrained network, by increasing cost."""
        low, high = map(math.log, self.x_range)
        ends: list[float] = []
        ticks = []
        for name, cost in sorted(self.untrained.items(), key=lambda item: item[1]):
            x = self.cost.in_study(cost)
            place = (math.log(x) - low) / (high - low)
            if place > 1:
                continue
            height = next((i for i, end in enumerate(ends) if place - end > _TICK_DISTANCE), len(ends))
            ends[height : height + 1] = [place]
            ticks.append((name, x, height))
        return ticks
