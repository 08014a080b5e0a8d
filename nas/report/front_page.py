"""The Pareto front as a page with hover and zoom, drawn by Plotly."""

import html
import math

from plotly import graph_objects

from nas.budget import quantity, short
from nas.report.front_view import (
    BICUBIC_COLOUR,
    BUDGET_COLOUR,
    COLOURS,
    UNTRAINED_COLOUR,
    Y_LABEL,
    Dot,
    Kind,
    View,
)

_HOVER = "<b>%{customdata[0]}</b><br>%{y:.3f} dB<br>%{customdata[1]} MACs<br>%{customdata[2]} parameters<extra></extra>"


def draw_page(view: View) -> str:
    """Return a self-contained HTML document of about 5 MB, most of it Plotly itself."""
    figure = graph_objects.Figure()
    x, y = view.front_line
    line = {"shape": "hv", "width": 2, "color": COLOURS["front"]}
    figure.add_scatter(x=x, y=y, mode="lines", line=line, showlegend=False, hoverinfo="skip")
    for kind in COLOURS:
        _add_dots(figure, view, kind)
    _add_lines(figure, view)
    low, high = map(math.log10, view.macs_range)
    ticks = [digit * 10.0**power for power in range(-4, 6) for digit in (1, 2, 5)]
    texts = [f"{tick:g}" for tick in ticks]
    figure.update_xaxes(type="log", title=view.x_label, range=[low, high], tickvals=ticks, ticktext=texts)
    figure.update_yaxes(title=Y_LABEL, range=view.psnr_range)
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
        x=[dot.macs / 1e9 for dot in dots],
        y=[dot.psnr for dot in dots],
        customdata=[(label, short(d.macs), short(d.params)) for label, d in zip(labels, dots, strict=True)],
        hovertemplate=_HOVER,
        name=view.name(kind),
        text=labels,
        textposition=[_label_place(view, dot) for dot in dots],
        textfont={"color": COLOURS[kind]},
        mode="markers+text" if published else "markers",
        marker={
            "color": COLOURS[kind],
            "size": 7 if kind == "candidate" else 11,
            "symbol": "diamond" if published else "circle",
        },
    )


def _label_place(view: View, dot: Dot) -> str:
    """Return the corner of a dot that points away from its nearest neighbour of the same kind."""
    height = view.psnr_range[1] - view.psnr_range[0]
    width = math.log(view.macs_range[1] / view.macs_range[0])
    away = [
        (math.log(dot.macs / other.macs) / width, (dot.psnr - other.psnr) / height)
        for other in view.of(dot.kind)
        if other is not dot
    ]
    x, y = min(away, key=lambda distance: math.hypot(*distance), default=(0.0, 0.0))
    return f"{'bottom' if y < 0 else 'top'} {'right' if x > 0 else 'left'}"


def _add_lines(figure: graph_objects.Figure, view: View) -> None:
    """Add the budget, bicubic interpolation and the untrained networks; annotations take logarithms, lines don't."""
    for name, macs, height in view.ticks:
        top = 0.02 + 0.13 * height
        figure.add_vline(macs, y0=0, y1=top, line={"color": UNTRAINED_COLOUR, "width": 1})
        figure.add_annotation(
            x=math.log10(macs),
            y=top,
            yref="paper",
            text=html.escape(name),
            textangle=-90,
            showarrow=False,
            yanchor="bottom",
            font={"size": 10, "color": UNTRAINED_COLOUR},
        )
    if view.bicubic_psnr is not None:
        dashes = {"color": BICUBIC_COLOUR, "dash": "dash", "width": 1}
        figure.add_hline(view.bicubic_psnr, line=dashes)
        figure.add_scatter(x=[None], y=[None], mode="lines", line=dashes, name=view.bicubic_label)
    if view.budget_macs is not None:
        budget = view.budget_macs / 1e9
        figure.add_vline(budget, line={"color": BUDGET_COLOUR, "width": 1.5})
        figure.add_annotation(
            x=math.log10(budget),
            y=1,
            yref="paper",
            text=f"budget, {quantity(view.budget_macs)} MACs",
            showarrow=False,
            xanchor="right",
            yanchor="top",
            font={"color": BUDGET_COLOUR},
        )
