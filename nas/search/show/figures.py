"""Figures that the Optuna Dashboard shows of a study: how its front grew, and how its networks learn."""

from collections.abc import Sequence
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from optuna_dashboard import save_plotly_graph_object
from plotly import graph_objects

from nas.objectives import OBJECTIVES
from nas.pareto import losses, ranks
from nas.search.front import hypervolume_unit
from nas.search.history import RUNGS, Known, history, lifted
from nas.search.schedule.hypervolume_history import growth
from nas.search.settings import Settings

RANK_COLOURS = {"front": "#1f5fa8", "second front": "#4f9bd9", "third front": "#9fc3e6", "others": "#c9cfd6"}
"""By how many fronts lie before a network's own."""


def refresh_figures(settings: Settings, study: optuna.Study, trial: FrozenTrial) -> None:
    """Put the figures of what a study knows now into it, in place of earlier ones, if a trial has brought something."""
    if trial.state != TrialState.COMPLETE and RUNGS not in trial.user_attrs:
        return
    save_plotly_graph_object(study, hypervolume_figure(study, settings), graph_object_id="hypervolume")
    if known := history(study.get_trials(deepcopy=False)):
        save_plotly_graph_object(study, learning_figure(known, settings), graph_object_id="psnr-by-step")


def hypervolume_figure(study: optuna.Study, settings: Settings) -> graph_objects.Figure:
    """Return the hypervolume over the number of trainings that have ended: where it grew, and now."""
    steps = growth(study, settings)
    before = [0.0, *(step.hypervolume for step in steps)]
    kept = [i for i, step in enumerate(steps) if step.hypervolume > before[i] or i == len(steps) - 1]
    figure = _figure("Hypervolume", "trainings ended", hypervolume_unit(settings.objectives))
    figure.update_yaxes(rangemode="tozero")
    figure.add_scatter(
        x=[i + 1 for i in kept],
        y=[round(steps[i].hypervolume, 6) for i in kept],
        text=[f"trial {steps[i].trial}" for i in kept],
        mode="lines+markers",
        line={"shape": "hv", "color": RANK_COLOURS["front"]},
    )
    return figure


def learning_figure(known: Sequence[Known], settings: Settings) -> graph_objects.Figure:
    """Return a line of PSNR over training steps for each network, coloured by how many fronts lie before its own."""
    figure = _figure("PSNR by training step", "steps", OBJECTIVES.get("psnr").axis)
    rank = ranks(losses(lifted(known), settings.objectives))
    last = len(RANK_COLOURS) - 1
    for level, (name, colour) in reversed(list(enumerate(RANK_COLOURS.items()))):  # the front on top
        members = [one for one, r in zip(known, rank, strict=True) if min(int(r), last) == level]
        if members:
            figure.add_scatter(**_lines(members), mode="lines+markers", name=name, line={"color": colour})
    return figure


def _lines(members: Sequence[Known]) -> dict[str, list[Any]]:
    """Return the lines of networks as one, with gaps between: a study keeps its figures in small pieces."""
    line: dict[str, list[Any]] = {"x": [], "y": [], "text": []}
    for one in members:
        points = [(steps, round(figures["psnr"], 3), f"trial {one.trial}") for steps, figures in one.rungs.items()]
        for key, column in zip(line, zip(*points, (None, None, None), strict=True), strict=True):
            line[key] += column
    return line


def _figure(title: str, x: str, y: str) -> graph_objects.Figure:
    figure = graph_objects.Figure()
    figure.update_layout(template="none", title=title)
    figure.update_xaxes(title=x, rangemode="tozero", gridcolor="#e6e9ec")
    figure.update_yaxes(title=y, gridcolor="#e6e9ec")
    return figure
