"""The picture of a network's best and worst crops: LR, every network and HR side by side, drawn by Matplotlib."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from nas.evaluation.crops import Pictured, Pixels
from nas.report.console import drawable

_PANEL, _GAP, _CAPTION = 1.6, 0.06, 0.24
"""Inches: the width of a panel, the gap beside it, the line below it."""

_MARGIN, _TITLE, _NAMES, _HEADING, _FOOT = 0.15, 0.36, 0.36, 0.3, 0.26
"""Inches: beside everything, and the heights of the title, the columns' names, a group's heading and the protocol."""

_COLOURS = {True: "#1b7837", False: "#b2182b"}
"""Colours of gains and of losses."""

_QUIET = "#555555"


def draw_crops(label: str, baseline: str, pictured: Sequence[Pictured], protocol: str) -> Figure:
    """Return the picture of the network `label`: the crops with the largest gain over `baseline`, then the smallest.

    All panels of a row share the grey range of the HR crop. The pixels of the LR crop are enlarged. The line below a
    panel gives the PSNR within the crop.
    """
    columns = ["LR", *pictured[0].panels, "HR"]
    row = _PANEL + _CAPTION + _GAP
    kinds = list(dict.fromkeys(row.is_gain for row in pictured))
    height = _TITLE + _NAMES + len(kinds) * _HEADING + len(pictured) * row + _FOOT
    page = _Page(2 * _MARGIN + len(columns) * (_PANEL + _GAP), height)
    page.text(_MARGIN, _TITLE - 0.1, label, fontsize=11, fontweight="bold")
    for index, name in enumerate(columns):
        _name_column(page, _x(index), _TITLE + _NAMES - 0.06, name, is_own=name == label)
    y = _TITLE + _NAMES
    for kind in kinds:
        heading = f"Where it {'gains most' if kind else 'gains least or loses'} against {baseline}"
        page.text(_MARGIN, y + _HEADING - 0.1, heading, fontsize=9, color=_COLOURS[kind])
        y += _HEADING
        for picture in (picture for picture in pictured if picture.is_gain == kind):
            _draw_row(page, picture, label, baseline, y)
            y += row
    page.text(_MARGIN, height - 0.1, protocol, fontsize=6.5, color=_QUIET)
    return page.figure


class _Page:
    """A figure with coordinates in inches from its upper left corner."""

    def __init__(self, width: float, height: float) -> None:
        self._width, self._height = width, height
        self.figure = Figure(figsize=(width, height), dpi=150)
        FigureCanvasAgg(self.figure)

    def text(self, x: float, y: float, text: str, **style: Any) -> None:
        """Write text; y is the baseline of its first line."""
        self.figure.text(x / self._width, 1 - y / self._height, drawable(text), **style)

    def axes(self, x: float, y: float, side: float) -> Axes:
        """Return square axes without ticks, with their upper left corner at (x, y)."""
        place = (x / self._width, 1 - (y + side) / self._height, side / self._width, side / self._height)
        axes = self.figure.add_axes(place)
        axes.set_axis_off()
        return axes


def _x(column: int) -> float:
    return _MARGIN + column * (_PANEL + _GAP)


def _name_column(page: _Page, x: float, y: float, name: str, *, is_own: bool) -> None:
    """Write the name of a network, the last part of its path, in at most two lines."""
    short = textwrap.wrap(Path(name).name, 24, max_lines=2, placeholder="…")
    page.text(x, y, "\n".join(short), fontsize=8, fontweight="bold" if is_own else "normal", linespacing=1.1)


def _draw_row(page: _Page, picture: Pictured, label: str, baseline: str, y: float) -> None:
    low, high = float(picture.hr.min()), float(picture.hr.max())

    def draw(column: int, pixels: Pixels, caption: str, **style: Any) -> None:
        axes = page.axes(_x(column), y, _PANEL)
        axes.imshow(pixels, cmap="gray", vmin=low, vmax=max(high, low + 1), interpolation="nearest")
        page.text(_x(column), y + _PANEL + 0.15, caption, **{"fontsize": 7.5, "color": _QUIET, **style})

    # The end of a long name, since the file names of a camera differ there.
    name = picture.crop.name if len(picture.crop.name) <= 20 else f"…{picture.crop.name[-19:]}"
    draw(0, picture.lr, f"{name} at {picture.crop.left},{picture.crop.top}", fontsize=6)
    baseline_psnr = picture.panels[baseline].psnr
    for index, (network, panel) in enumerate(picture.panels.items(), start=1):
        gain = "" if network == baseline else f" ({panel.psnr - baseline_psnr:+.2f})"
        own = {"fontweight": "bold", "color": _COLOURS[panel.psnr >= baseline_psnr]} if network == label else {}
        draw(index, panel.pixels, f"{panel.psnr:.2f} dB{gain}", **own)
    draw(len(picture.panels) + 1, picture.hr, f"levels {low:.0f} to {high:.0f}")
