"""The Pareto front as a picture, drawn by Matplotlib without its global state."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from matplotlib.transforms import Bbox

from nas.report.console import drawable
from nas.report.front_view import (
    BICUBIC_COLOUR,
    BUDGET_COLOUR,
    COLOURS,
    OUTSIDE_COLOUR,
    UNTRAINED_COLOUR,
    Dot,
    Kind,
    View,
)

_STYLES: Sequence[tuple[Kind, str, float, int]] = (
    ("paused", "o", 14, 1),
    ("candidate", "o", 20, 2),
    ("front", "o", 42, 4),
    ("hand-made", "^", 34, 4),
    ("published", "D", 48, 5),
)
"""Kind, marker, area in points², drawing order."""

BELOW = "below the range of interest"

_OFFSETS = [(x * r, y * r) for r in (7, 13, 21, 32) for x, y in ((1, 0.6), (-1, 0.6), (1, -1.6), (-1, -1.6), (0, 1.4))]
"""Offsets of a label from its dot in points, the best first."""


def draw_picture(view: View) -> Figure:
    """Return the picture, 1500 x 930 pixels when saved."""
    figure = Figure(figsize=(10, 6.2), dpi=150, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_xscale("log")
    axes.set_xlim(*view.x_range)
    axes.set_ylim(*view.y_range)
    axes.xaxis.set_major_locator(LogLocator(subs=view.tick_digits))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(view.x_label)
    axes.set_ylabel(view.y_label)
    axes.grid(color="#e6e9ec", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(drawable(view.title), x=0.01, ha="left", fontsize=13, fontweight="bold")
    axes.set_title(drawable(view.protocol), loc="left", fontsize=8.5, color="#555555")
    _draw_lines(axes, view)
    _draw_dots(axes, view)
    _draw_ticks(axes, view)
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc="outside lower center", ncols=3, fontsize=8, columnspacing=1.2, frameon=False)
    # The labels need the final layout, and must not change it.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    _draw_labels(axes, view, canvas.get_renderer())  # type: ignore[no-untyped-call]
    return figure


def _draw_lines(axes: Axes, view: View) -> None:
    if view.bicubic is not None:
        axes.axhline(view.bicubic, color=BICUBIC_COLOUR, ls="--", lw=1.1, label=view.bicubic_label)
    if view.budget is not None and (budget := view.budget_x):
        axes.axvline(budget, color=BUDGET_COLOUR, linewidth=1.3, label=view.budget_label)
        axes.axvspan(budget, max(budget, view.x_range[1]), color=BUDGET_COLOUR, alpha=0.06, linewidth=0)
    if view.range_x is not None and view.range_x > view.x_range[0]:
        axes.axvspan(view.x_range[0], view.range_x, color=OUTSIDE_COLOUR, alpha=0.08, linewidth=0, label=BELOW)


def _draw_dots(axes: Axes, view: View) -> None:
    axes.step(*view.front_line, where="post", color=COLOURS["front"], linewidth=1.6, zorder=3)
    for kind, marker, area, order in _STYLES:
        if dots := view.of(kind):
            axes.scatter(
                [view.x(dot) for dot in dots],
                [view.y(dot) for dot in dots],
                s=area,
                marker=marker,
                color=COLOURS[kind],
                edgecolors="white",
                linewidths=0.6,
                zorder=order,
                label=view.name(kind),
            )


def _draw_ticks(axes: Axes, view: View) -> None:
    """Draw ticks for the untrained networks at the bottom; heights are fractions of the axes."""
    place = axes.get_xaxis_transform()
    style: dict[str, Any] = {"rotation": 90, "ha": "center", "va": "bottom", "fontsize": 7, "color": UNTRAINED_COLOUR}
    for name, x, height in view.ticks:
        top = 0.02 + 0.13 * height
        axes.vlines(x, 0, top, transform=place, color=UNTRAINED_COLOUR, linewidth=0.9)
        axes.text(x, top + 0.008, drawable(name), transform=place, **style)


def _draw_labels(axes: Axes, view: View, renderer: RendererAgg) -> None:
    """Label the published networks, and the front where there is room, without covering dots or other labels."""
    taken = [text.get_window_extent(renderer) for text in axes.texts]
    low = view.y_range[0]
    hand_made = [dot for dot in view.of("hand-made") if view.y(dot) >= low]
    shown = [*view.of("published"), *view.of("front"), *hand_made]
    for dot in shown:
        others = [_box(axes, view, other) for other in shown if other is not dot]
        box = _draw_label(axes, view, dot, [*taken, *others], renderer)
        taken += [] if box is None else [box]


def _draw_label(axes: Axes, view: View, dot: Dot, taken: Sequence[Bbox], renderer: RendererAgg) -> Bbox | None:
    """Draw the label at the first free place and return its box; only published networks get one elsewhere."""
    published = dot.kind == "published"
    text = axes.annotate(
        drawable(dot.label),
        (view.x(dot), view.y(dot)),
        xytext=_OFFSETS[0],
        textcoords="offset points",
        fontsize=8.5 if published else 7,
        color=COLOURS[dot.kind],
        fontweight="bold" if published else "normal",
        arrowprops={"arrowstyle": "-", "color": COLOURS[dot.kind], "linewidth": 0.6, "shrinkA": 0, "shrinkB": 2},
        path_effects=[withStroke(linewidth=2, foreground="white")],
        zorder=6,
    )
    for x, y in _OFFSETS if published else _OFFSETS[:10]:
        text.set_position((x, y))
        text.set_horizontalalignment("left" if x > 0 else "right" if x < 0 else "center")
        text.update_positions(renderer)
        box = Text.get_window_extent(text, renderer)  # that of the annotation would include its line
        if axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1 and not any(box.overlaps(other) for other in taken):
            return box
    if not published:
        text.remove()
    else:
        text.set_position(_OFFSETS[0])
    return None


def _box(axes: Axes, view: View, dot: Dot) -> Bbox:
    """Return the box around a dot, in pixels, that labels of other dots must not cover."""
    x, y = axes.transData.transform((view.x(dot), view.y(dot)))
    margin = 6 * axes.figure.dpi / 72
    return Bbox.from_extents(x - margin, y - margin, x + margin, y + margin)
