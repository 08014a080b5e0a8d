"""The comparison of samplers as a picture: hypervolume over trainings and over time."""

from collections.abc import Sequence

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nas.evidence.benchmark.comparison import BASELINE, Band, Standing
from nas.report.console import drawable

_BASELINE_COLOUR = "#4a4a4a"
_COLOURS = colormaps["tab10"].colors  # type: ignore[attr-defined]
_HIDDEN_SHARE = 0.05
"""Share of the trainings that does not decide the axis: all searches begin alike, far below the rest."""


def draw_comparison(standings: Sequence[Standing], title: str, subtitle: str) -> Figure:
    """Return the picture, 1800 x 825 pixels when saved."""
    figure = Figure(figsize=(12, 5.5), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, sharey=True)
    colours = _colours(standings)
    for standing in standings:
        _draw_band(left, standing.by_trainings, standing.sampler, colours[standing.sampler])
        _draw_band(right, standing.by_seconds, standing.sampler, colours[standing.sampler], unit=60)
    left.set_xlabel("trainings")
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    left.set_ylabel("hypervolume, dB · octaves")
    right.set_xlabel("simulated minutes of training")
    _zoom(left, standings)
    for axes in (left, right):
        axes.grid(color="#e6e9ec", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(*left.get_legend_handles_labels(), loc="outside right upper", fontsize=8.5, frameon=False)
    figure.suptitle(drawable(title), x=0.01, ha="left", fontsize=13, fontweight="bold")
    left.set_title(drawable(subtitle), loc="left", fontsize=8.5, color="#555555")
    return figure


def _colours(standings: Sequence[Standing]) -> dict[str, object]:
    """Return a colour for each sampler that does not depend on its standing."""
    others = sorted(standing.sampler for standing in standings if standing.sampler != BASELINE)
    return {BASELINE: _BASELINE_COLOUR} | {name: _COLOURS[i % len(_COLOURS)] for i, name in enumerate(others)}


def _draw_band(axes: Axes, band: Band, label: str, colour: object, unit: float = 1) -> None:
    style = "--" if label == BASELINE else "-"
    axes.plot(band.x / unit, band.mean, style, color=colour, linewidth=1.7, label=label)
    axes.fill_between(band.x / unit, band.low, band.high, color=colour, alpha=0.13, linewidth=0)


def _zoom(axes: Axes, standings: Sequence[Standing]) -> None:
    """Limit the axis to the hypervolumes after the first trainings, where the samplers differ."""
    shown = [standing.by_trainings for standing in standings]
    first = int(_HIDDEN_SHARE * len(shown[0].x))
    low, high = min(band.low[first] for band in shown), max(band.high[-1] for band in shown)
    margin = 0.05 * (high - low) or 1.0
    axes.set_ylim(low - margin, high + margin)
