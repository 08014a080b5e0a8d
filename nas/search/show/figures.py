"""Figures of a study in the Optuna Dashboard: the hypervolume over trainings, and PSNR over steps."""

from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from optuna_dashboard import save_plotly_graph_object
from plotly import graph_objects

from nas.objectives import OBJECTIVES
from nas.pareto import losses, ranks
from nas.search.extrapolation import lifted
from nas.search.front import hypervolume_unit
from nas.search.history import RUNGS, MeasuredNetwork, history
from nas.search.schedule.hypervolume_history import hypervolume_history
from nas.search.settings import Settings
from nas.search.trial_names import first_trials

RANK_COLOURS = {"front": "#1f5fa8", "second front": "#4f9bd9", "third front": "#9fc3e6", "others": "#c9cfd6"}
"""Colours by the Pareto rank of a network."""


def refresh_figures(settings: Settings, study: optuna.Study, trial: FrozenTrial) -> None:
    """Replace the figures in a study if `trial` was trained to the end or to a rung."""
    if trial.state != TrialState.COMPLETE and RUNGS not in trial.user_attrs:
        return
    save_plotly_graph_object(study, hypervolume_figure(study, settings), graph_object_id="hypervolume")
    trials = study.get_trials(deepcopy=False)
    if measured := history(trials):
        figure = learning_figure(measured, settings, first_trials(trials))
        save_plotly_graph_object(study, figure, graph_object_id="psnr-by-step")


def hypervolume_figure(study: optuna.Study, settings: Settings) -> graph_objects.Figure:
    """Return the hypervolume over the number of ended trainings, with a point at each growth and at the end."""
    steps, firsts = hypervolume_history(study, settings), first_trials(study.get_trials(deepcopy=False))
    before = [0.0, *(step.hypervolume for step in steps)]
    kept = [i for i, step in enumerate(steps) if step.hypervolume > before[i] or i == len(steps) - 1]
    figure = _figure("Hypervolume", "trainings ended", hypervolume_unit(settings.objectives))
    figure.update_yaxes(rangemode="tozero")
    figure.add_scatter(
        x=[i + 1 for i in kept],
        y=[round(steps[i].hypervolume, 6) for i in kept],
        text=[f"trial {firsts[steps[i].trial]}" for i in kept],
        mode="lines+markers",
        line={"shape": "hv", "color": RANK_COLOURS["front"]},
    )
    return figure


def learning_figure(
    measured: Sequence[MeasuredNetwork], settings: Settings, firsts: Mapping[int, int]
) -> graph_objects.Figure:
    """Return a line of PSNR over training steps for each network, coloured by its Pareto rank.

    Networks are named by their first trials, `firsts` of `first_trials`.
    """
    figure = _figure("PSNR by training step", "steps", OBJECTIVES.get("psnr").axis)
    rank = ranks(losses(lifted(measured), settings.objectives))
    last = len(RANK_COLOURS) - 1
    for level, (name, colour) in reversed(list(enumerate(RANK_COLOURS.items()))):  # the front on top
        members = [network for network, r in zip(measured, rank, strict=True) if min(int(r), last) == level]
        if members:
            figure.add_scatter(**_lines(members, firsts), mode="lines+markers", name=name, line={"color": colour})
    return figure


def _lines(members: Sequence[MeasuredNetwork], firsts: Mapping[int, int]) -> dict[str, list[Any]]:
    """Return the lines of all networks as one line with gaps, since a study stores its figures in small pieces."""
    line: dict[str, list[Any]] = {"x": [], "y": [], "text": []}
    for network in members:
        name = f"trial {firsts[network.trial]}"
        points = [(steps, round(figures["psnr"], 3), name) for steps, figures in network.rungs.items()]
        for key, column in zip(line, zip(*points, (None, None, None), strict=True), strict=True):
            line[key] += column
    return line


def _figure(title: str, x: str, y: str) -> graph_objects.Figure:
    figure = graph_objects.Figure()
    figure.update_layout(template="none", title=title)
    figure.update_xaxes(title=x, rangemode="tozero", gridcolor="#e6e9ec")
    figure.update_yaxes(title=y, gridcolor="#e6e9ec")
    return figure
