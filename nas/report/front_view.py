"""What a plot of the Pareto front shows, whatever draws it."""

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

Kind = Literal["stopped", "candidate", "front", "published"]

COLOURS: Mapping[Kind, str] = {
    "stopped": "#d9dee3",
    "candidate": "#9aa5b1",
    "front": "#1f5fa8",
    "published": "#d1550f",
}
BUDGET_COLOUR, BICUBIC_COLOUR, UNTRAINED_COLOUR = "#a3243b", "#4a4a4a", "#707070"

_NAMES = {
    "stopped": "stopped early",
    "candidate": "candidate",
    "front": "Pareto front",
    "published": "published network, trained alike",
}
_TICK_DISTANCE = 0.02
"""Ticks of untrained networks that are closer than this share of the axis get their names at different heights."""


@dataclass(frozen=True)
class Dot:
    """One network in the plot."""

    label: str
    figures: Mapping[str, float]
    """What is known of it, by the names of `nas.objectives`; costs above 0."""
    kind: Kind
    remark: str = ""
    """What else is to be said of it."""

    @property
    def in_words(self) -> list[str]:
        """Its figures with what they are, `35.45 dB`, `74.50G MACs`, and the remark."""
        figures = [OBJECTIVES.get(name).in_words(figure) for name, figure in self.figures.items()]
        return [*figures, self.remark] if self.remark else figures


@dataclass(frozen=True)
class View:
    """What is drawn, and the part of the plane that is shown."""

    dots: Sequence[Dot]
    untrained: Mapping[str, float]
    """The costs of published networks that have no quality on this data: they are ticks at the bottom."""
    budget: Budget | None
    """On the cost: a vertical line."""
    bicubic: float | None
    """The quality of the baseline: a horizontal line."""
    title: str
    protocol: str
    """How the quality was measured, in one line."""
    hr_size: Size = HR_SIZE
    """What costs are for."""
    baseline: str = "bicubic interpolation"
    cost: Objective = MACS
    quality: Objective = PSNR

    @property
    def x_label(self) -> str:
        """What the horizontal axis shows."""
        return self.cost.axis.format(size=show_size(self.hr_size))

    @property
    def y_label(self) -> str:
        """What the vertical axis shows."""
        return self.quality.axis

    def x(self, dot: Dot) -> float:
        """Return where a dot stands on the horizontal axis."""
        return self.cost.in_study(dot.figures[self.cost.name])

    def y(self, dot: Dot) -> float:
        """Return where a dot stands on the vertical axis."""
        return self.quality.in_study(dot.figures[self.quality.name])

    def of(self, kind: Kind) -> list[Dot]:
        """Return the dots of one kind by increasing cost."""
        return sorted((dot for dot in self.dots if dot.kind == kind), key=lambda dot: (self.x(dot), self.y(dot)))

    def name(self, kind: Kind) -> str:
        """Return the entry of the legend, which says how many dots lie below the shown range."""
        dots, low = self.of(kind), self.y_range[0]
        below = sum(self.y(dot) < low for dot in dots)
        return f"{_NAMES[kind]} ({below} of {len(dots)} below the axis)" if below else _NAMES[kind]

    @property
    def budget_x(self) -> float | None:
        """Where the budget stands on the horizontal axis."""
        return None if self.budget is None else self.cost.in_study(self.budget.limit)

    @property
    def x_range(self) -> tuple[float, float]:
        """The shown range of costs."""
        untrained = (self.cost.in_study(cost) for cost in self.untrained.values())
        places = [*map(self.x, self.dots), *untrained, self.budget_x or 0]
        shown = [place for place in places if place > 0] or [1.0]
        return min(shown) / 1.35, max(shown) * 1.35

    @property
    def tick_digits(self) -> Sequence[float]:
        """What the numbers on the horizontal axis begin with: more of them where it is short."""
        low, high = self.x_range
        return (1, 2, 5) if high > 10 * low else (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)

    @property
    def y_range(self) -> tuple[float, float]:
        """The shown range of qualities. The worst candidates may lie below it, so that they don't flatten the front."""
        least = 10 * 10.0 ** -(self.quality.digits or 0)
        shown = [self.y(dot) for dot in self.dots if dot.kind in ("front", "published")]
        if candidates := [self.y(dot) for dot in self.of("candidate")]:
            shown += [float(np.quantile(candidates, 0.25)), max(candidates)]
        bicubic = [] if self.bicubic is None else [self.bicubic]
        low, high = (min(shown), max(shown)) if shown else (min(bicubic, default=0.0),) * 2
        if bicubic and low - bicubic[0] < max(high - low, least):  # farther away it would flatten the front
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
        """The steps' corners, published networks among them, up to the right border."""
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
        """Name, place and height (0, 1, …) of each untrained network's tick, by increasing cost."""
        low, high = map(math.log, self.x_range)
        ends: list[float] = []
        ticks = []
        for name, cost in sorted(self.untrained.items(), key=lambda item: item[1]):
            x = self.cost.in_study(cost)
            place = (math.log(x) - low) / (high - low)
            height = next((i for i, end in enumerate(ends) if place - end > _TICK_DISTANCE), len(ends))
            ends[height : height + 1] = [place]
            ticks.append((name, x, height))
        return ticks
