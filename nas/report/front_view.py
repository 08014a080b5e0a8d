"""What a plot of the Pareto front shows, whatever draws it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nas.cost import HR_SIZE
from nas.image_size import Size, show_size

Kind = Literal["candidate", "front", "published"]

Y_LABEL = "PSNR, in dB"
COLOURS: Mapping[Kind, str] = {"candidate": "#9aa5b1", "front": "#1f5fa8", "published": "#d1550f"}
BUDGET_COLOUR, BICUBIC_COLOUR, UNTRAINED_COLOUR = "#a3243b", "#4a4a4a", "#707070"

_NAMES = {"candidate": "candidate", "front": "Pareto front", "published": "published network, trained alike"}
_TICK_DISTANCE = 0.02
"""Ticks of untrained networks that are closer than this share of the axis get their names at different heights."""


@dataclass(frozen=True)
class Dot:
    """One network in the plot."""

    label: str
    macs: int
    """Multiply-adds for one HR image of the plot's size; above 0."""
    psnr: float
    """Finite, in dB."""
    params: int
    kind: Kind


@dataclass(frozen=True)
class View:
    """What is drawn, and the part of the plane that is shown; the fields are those of `plot_front`."""

    dots: Sequence[Dot]
    untrained: Mapping[str, int]
    budget_macs: int | None
    bicubic_psnr: float | None
    title: str
    protocol: str
    hr_size: Size = HR_SIZE
    baseline: str = "bicubic interpolation"

    @property
    def x_label(self) -> str:
        """What the horizontal axis shows."""
        return f"MACs for a {show_size(self.hr_size)} HR image, in G"

    def of(self, kind: Kind) -> list[Dot]:
        """Return the dots of one kind by increasing MACs."""
        return sorted((dot for dot in self.dots if dot.kind == kind), key=lambda dot: (dot.macs, dot.psnr))

    def name(self, kind: Kind) -> str:
        """Return the entry of the legend, which says how many dots lie below the shown range."""
        dots, low = self.of(kind), self.psnr_range[0]
        below = sum(dot.psnr < low for dot in dots)
        return f"{_NAMES[kind]} ({below} of {len(dots)} below the axis)" if below else _NAMES[kind]

    @property
    def macs_range(self) -> tuple[float, float]:
        """The shown range, in G."""
        macs = [*(dot.macs for dot in self.dots), *self.untrained.values(), self.budget_macs or 0]
        shown = [m / 1e9 for m in macs if m > 0] or [1.0]
        return min(shown) / 1.35, max(shown) * 1.35

    @property
    def psnr_range(self) -> tuple[float, float]:
        """The shown range, in dB. The worst candidates may lie below it, so that they don't flatten the front."""
        shown = [dot.psnr for dot in self.dots if dot.kind != "candidate"]
        if candidates := [dot.psnr for dot in self.of("candidate")]:
            shown += [float(np.quantile(candidates, 0.25)), max(candidates)]
        bicubic = [] if self.bicubic_psnr is None else [self.bicubic_psnr]
        low, high = (min(shown), max(shown)) if shown else (min(bicubic, default=0.0),) * 2
        if bicubic and low - bicubic[0] < max(high - low, 0.1):  # farther away it would flatten the front
            low, high = min(low, *bicubic), max(high, *bicubic)
        height = max(high - low, 0.1)
        # The ticks of the untrained networks and their names stand below the dots.
        return low - height * (0.4 if self.untrained else 0.1), high + 0.12 * height

    @property
    def bicubic_label(self) -> str:
        """Return the entry of the legend for the baseline, which may lie below the shown range."""
        below = self.bicubic_psnr is not None and self.bicubic_psnr < self.psnr_range[0]
        return f"{self.baseline}, {self.bicubic_psnr:.2f} dB{' (below the axis)' if below else ''}"

    @property
    def front_line(self) -> tuple[list[float], list[float]]:
        """G and dB of the steps' corners, published networks among them, up to the right border."""
        corners: list[Dot] = []
        for dot in sorted([*self.of("front"), *self.of("published")], key=lambda dot: (dot.macs, -dot.psnr)):
            if not corners or dot.psnr > corners[-1].psnr:
                corners.append(dot)
        if not corners:
            return [], []
        macs, psnr = [dot.macs / 1e9 for dot in corners], [dot.psnr for dot in corners]
        return [*macs, self.macs_range[1]], [*psnr, psnr[-1]]

    @property
    def ticks(self) -> list[tuple[str, float, int]]:
        """Name, G and height (0, 1, …) of each untrained network's tick, by increasing MACs."""
        low, high = map(math.log, self.macs_range)
        ends: list[float] = []
        ticks = []
        for name, macs in sorted(self.untrained.items(), key=lambda item: item[1]):
            place = (math.log(macs / 1e9) - low) / (high - low)
            height = next((i for i, end in enumerate(ends) if place - end > _TICK_DISTANCE), len(ends))
            ends[height : height + 1] = [place]
            ticks.append((name, macs / 1e9, height))
        return ticks
