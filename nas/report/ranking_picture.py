"""Scatter plots of proxies' scores against the reference figures, drawn by Matplotlib without its global state."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, NullLocator

from nas.evidence.ranking.agreement import Agreement, Ranked
from nas.evidence.ranking.evidence import Evidence
from nas.report.console import drawable

ABREAST = 4


def draw_ranking(evidence: Evidence, agreements: Sequence[Agreement], title: str) -> Figure:
    """Return the scatter plots in the order of `agreements`; colours show the MACs of networks."""
    rows = math.ceil(len(agreements) / ABREAST)
    figure = Figure(figsize=(3.2 * ABREAST, 2.9 * rows + 0.6), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(drawable(title), x=0.01, ha="left", fontsize=12, fontweight="bold")
    panels = figure.subplots(rows, ABREAST, squeeze=False).ravel()
    proxies = {proxy.name: proxy for proxy in evidence.proxies}
    colours = LogNorm(evidence.macs.min() / 1e9, max(evidence.macs.max(), 1.001 * evidence.macs.min()) / 1e9)
    dots = [
        _draw_panel(axes, proxies[agreement.proxy], agreement, evidence, colours)
        for axes, agreement in zip(panels, agreements, strict=False)
    ]
    for axes in panels[len(agreements) :]:
        axes.set_axis_off()
    if dots:
        bar = figure.colorbar(dots[0], ax=panels.tolist(), label="MACs, in G", aspect=20 * rows)
        bar.ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda macs, _: f"{macs:g}"))
        bar.ax.yaxis.set_minor_locator(NullLocator())
    figure.supylabel(f"PSNR after {evidence.steps} steps, in dB", fontsize=9)
    return figure


def _draw_panel(
    axes: Axes, proxy: Ranked, agreement: Agreement, evidence: Evidence, colours: LogNorm
) -> PathCollection:
    is_scored = np.isfinite(proxy.values)
    values = proxy.values[is_scored]
    dots = axes.scatter(
        values,
        evidence.truth[is_scored],
        c=evidence.macs[is_scored] / 1e9,
        norm=colours,
        cmap="viridis",
        s=16,
        edgecolors="white",
        linewidths=0.4,
    )
    if len(values) and values.min() > 0 and values.max() > 30 * values.min():
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1,) if values.max() > 100 * values.min() else (1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
    if len(values) and abs(values).max() >= 1e4:
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    tau, at_equal_cost = _short(agreement.tau.value), _short(agreement.tau_at_equal_cost.value)
    title = f"{agreement.proxy}: τ {tau}, at equal cost {at_equal_cost}"
    axes.set_title(drawable(title), fontsize=8.5)
    axes.tick_params(labelsize=7)
    axes.grid(color="#e6e9ec", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return dots


def _short(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}"
