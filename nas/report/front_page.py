"""The Pareto front as a page with hover and zoom, drawn by Plotly."""

import html
import math

from plotly import graph_objects

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

_HOVER = "<b>%{text}</b><br>%{customdata}<extra></extra>"


def draw_page(view: View) -> str:
    """Return a self-contained HTML document of about 5 MB, most of it Plotly itself."""
    figure = graph_objects.Figure()
    x, y = view.front_line
    line = {"shape": "hv", "width": 2, "color": COLOURS["front"]}
    figure.add_scatter(x=x, y=y, mode="lines", line=line, showlegend=False, hoverinfo="skip")
    for kind in COLOURS:
        if view.of(kind):
            _add_dots(figure, view, kind)
    _add_lines(figure, view)
    low, high = map(math.log10, view.x_range)
    ticks = [digit * 10.0**power for power in range(-4, 6) for digit in view.tick_digits]
    texts = [f"{tick:g}" for tick in ticks]
    figure.update_xaxes(type="log", title=view.x_label, range=[low, high], tickvals=ticks, ticktext=texts)
    figure.update_yaxes(title=view.y_label, range=view.y_range)
    figure.update_layout(
        template="plotly_white",
        title={"text": html.escape(view.title), "subtitle": {"text": html.escape(view.protocol)}},
        legend={"orientation": "h", "y": -0.15},
    )
    page: str = figure.to_html(
        include_plotlyjs=True, full_html=True, default_height="94vh", config={"displaylogo": False}
    )
    return page.replace("<head>", f"<head><title>{html.escape(view.title)}</title>", 1)


def _add_dots(figure: graph_objects.Figure, view: View, kind: Kind) -> None:
    dots = view.of(kind)
    published = kind == "published"
    labels = [html.escape(dot.label) for dot in dots]
    figure.add_scatter(
        x=[view.x(dot) for dot in dots],
        y=[view.y(dot) for dot in dots],
        customdata=["<br>".join(dot.in_words) for dot in dots],
        hovertemplate=_HOVER,
        name=view.name(kind),
        text=labels,
        textposition=[_label_place(view, dot) for dot in dots],
        textfont={"color": COLOURS[kind]},
        mode="markers+text" if published else "markers",
        marker={
            "color": COLOURS[kind],
            "size": 7 if kind in ("paused", "candidate") else 11,
            "symbol": {"published": "diamond", "hand-made": "triangle-up"}.get(kind, "circle"),
        },
    )


def _label_place(view: View, dot: Dot) -> str:
    """Return the corner of a dot on the side away from its nearest neighbour of the same kind."""
    height = view.y_range[1] - view.y_range[0]
    width = math.log(view.x_range[1] / view.x_range[0])
    away = [
        (math.log(view.x(dot) / view.x(other)) / width, (view.y(dot) - view.y(other)) / height)
        for other in view.of(dot.kind)
        if other is not dot
    ]
    x, y = min(away, key=lambda distance: math.hypot(*distance), default=(0.0, 0.0))
    return f"{'bottom' if y < 0 else 'top'} {'right' if x > 0 else 'left'}"


def _add_lines(figure: graph_objects.Figure, view: View) -> None:
    """Add the budget, bicubic interpolation and the untrained networks. In Plotly, only annotations take logarithms."""
    for name, x, height in view.ticks:
        top = 0.02 + 0.13 * height
        figure.add_vline(x, y0=0, y1=top, line={"color": UNTRAINED_COLOUR, "width": 1})
        figure.add_annotation(
            x=math.log10(x),
            y=top,
            yref="paper",
            text=html.escape(name),
            textangle=-90,
            showarrow=False,
            yanchor="bottom",
            font={"size": 10, "color": UNTRAINED_COLOUR},
        )
    if view.bicubic is not None:
        dashes = {"color": BICUBIC_COLOUR, "dash": "dash", "width": 1}
        figure.add_hline(view.bicubic, line=dashes)
        figure.add_scatter(x=[None], y=[None], mode="lines", line=dashes, name=view.bicubic_label)
    if view.range_x is not None:
        figure.add_vrect(view.x_range[0], view.range_x, fillcolor=OUTSIDE_COLOUR, opacity=0.08, line_width=0)
    if view.budget is not None and (budget := view.budget_x):
        figure.add_vline(budget, line={"color": BUDGET_COLOUR, "width": 1.5})
        figure.add_annotation(
            x=math.log10(min(budget, view.x_range[1])),
            y=1,
            yref="paper",
            text=view.budget_label,
            showarrow=False,
            xanchor="right",
            yanchor="top",
            font={"color": BUDGET_COLOUR},
        )
